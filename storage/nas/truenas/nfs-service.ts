import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"
import { type JobTimes, runJob } from "./jobs.js"
import { isSince2510 } from "./versions.js"

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

/**
 * Starts the service, which disturbs nobody. Throws StorageError `unsupported` where it does not come up, and as runJob does.
 * Only when a person says so: whoever stopped it may have had a reason.
 */
export async function startNfsService(api: TrueNasApi, times?: JobTimes): Promise<void> {
  const options = { silent: false }
  const started = isSince2510(await api.version())
    ? await runJob(api, "service.control", ["START", "nfs", options], z.boolean(), times)
    : await api.call("service.start", ["nfs", options], z.boolean(), { patienceMs: 120_000 })
  if (started) return
  throw new StorageError("unsupported", "TrueNAS could not start its NFS service", {
    hint: "Start it in System, Services, and look at what TrueNAS says.",
  })
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

/** A client of version 4 that holds a session. */
export interface Nfs4Client {
  readonly id: string
  /** With its port; undefined where the server does not tell. */
  readonly address: string | undefined
  readonly name: string | undefined
}

export async function nfs4Clients(api: TrueNasApi): Promise<Nfs4Client[]> {
  // A client that goes at this moment leaves an entry without information.
  const info = z.object({ address: z.string().optional(), name: z.string().optional() })
  const entry = z.object({ id: z.string(), info })
  const found = await api.call("nfs.get_nfs4_clients", [[], {}], z.array(entry))
  return found.map(({ id, info: { address, name } }) => ({ id, address, name }))
}

export async function nfsClientCount(api: TrueNasApi): Promise<number> {
  return api.call("nfs.client_count", [], z.number().int())
}

function withoutAddress(text: string): string {
  return text.startsWith("/") ? text : text.slice(text.indexOf(":") + 1)
}
