import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"

export interface NfsService {
  readonly running: boolean
  /** Also after the next start of the machine. */
  readonly starts: boolean
}

export async function nfsService(api: TrueNasApi): Promise<NfsService> {
  const entry = z.object({ service: z.string(), state: z.string(), enable: z.boolean() })
  const [found] = await api.call("service.query", [[["service", "=", "nfs"]], {}], z.array(entry))
  if (found === undefined) throw new StorageError("corrupt", "TrueNAS knows no service nfs")
  return { running: found.state === "RUNNING", starts: found.enable }
}

const config = z.object({
  /** Clients may mount from ports that every user may use: `insecure` in exports(5). */
  allow_nonroot: z.boolean(),
  protocols: z.array(z.string()),
  v4_krb: z.boolean(),
  v4_krb_enabled: z.boolean(),
})

export type NfsConfig = z.output<typeof config>

export async function nfsConfig(api: TrueNasApi): Promise<NfsConfig> {
  return api.call("nfs.config", [], config)
}

/** A client of version 3, as far as the server remembers: it is not told when one goes. */
export interface Nfs3Client {
  readonly address: string
  readonly path: string
}

export async function nfs3Clients(api: TrueNasApi): Promise<Nfs3Client[]> {
  const entry = z.object({ ip: z.string(), export: z.string() })
  const found = await api.call("nfs.get_nfs3_clients", [[], {}], z.array(entry))
  return found.map(({ ip, export: path }) => ({ address: ip, path: withoutAddress(path) }))
}

/** A client of version 4 as the kernel of TrueNAS tells it (reference nas-platforms.md §1.5), parsed. */
export interface Nfs4Client {
  /** With its port. */
  readonly address: string
  readonly name: string | undefined
  readonly status: string | undefined
  readonly minorVersion: number | undefined
  readonly secondsSinceRenew: number | undefined
  readonly implementation: string | undefined
  readonly states: readonly Nfs4State[]
}

/** Something that a client holds. */
export interface Nfs4State {
  readonly type: string
  readonly access: string | undefined
  /** "major:minor:inode", the first two in hex. */
  readonly superblock: string | undefined
  /** Chosen by the client. */
  readonly filename: string | undefined
}

const info = z.object({
  address: z.string().optional(),
  name: z.string().optional(),
  status: z.string().optional(),
  "minor version": z.number().int().optional(),
  "seconds from last renew": z.number().int().min(0).optional(),
  "Implementation name": z.string().optional(),
})

const state = z.object({
  type: z.string(),
  access: z.string().optional(),
  superblock: z.string().optional(),
  filename: z.string().optional(),
})

export async function nfs4Clients(api: TrueNasApi): Promise<Nfs4Client[]> {
  // Each state is an object of one key, its number.
  const entry = z.object({ info, states: z.array(z.record(z.string(), state)) })
  const found = await api.call("nfs.get_nfs4_clients", [[], {}], z.array(entry))
  return found.flatMap(({ info: told, states }) => {
    // A client that goes at this moment leaves an entry without information.
    if (told.address === undefined) return []
    return [
      {
        address: told.address,
        name: told.name,
        status: told.status,
        minorVersion: told["minor version"],
        secondsSinceRenew: told["seconds from last renew"],
        implementation: told["Implementation name"],
        states: states.flatMap((one) =>
          Object.values(one).map(({ type, access, superblock, filename }) => ({
            type,
            access,
            superblock,
            filename,
          })),
        ),
      },
    ]
  })
}

function withoutAddress(text: string): string {
  return text.startsWith("/") ? text : text.slice(text.indexOf(":") + 1)
}
