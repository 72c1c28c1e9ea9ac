import { existsSync } from "node:fs"
import { exportfsReload, ganeshaBus } from "../../../storage/host/index.js"
import { type Secret, StorageError } from "../../../storage/index.js"
import {
  DsmClient,
  parseDsmAddress,
  SynologyQuotas,
  TrueNasClient,
  TrueNasQuotas,
} from "../../../storage/nas/index.js"
import {
  ganeshaFiles,
  GaneshaServer,
  kernelFiles,
  KernelServer,
  SynologyServer,
  TrueNasServer,
} from "../../../storage/nfs/index.js"
import type { NfsServerEntry, SecretReference } from "../../config/index.js"
import type { MadeNfsServer } from "./chosen-nfs-server.js"
import { FoundNfsServer } from "./found-nfs-server.js"
import { SynologyState } from "./synology-state.js"
import { UnusableNfsServer, UnusableQuotas } from "./unusable-nfs-server.js"

export interface NfsServersParts {
  /** 16 hex digits that tell the exports of this daemon from those of another one. */
  readonly owner: string
  readonly stateDirectory: string
  /** Throws where the secret cannot be had; the message says why, never what. */
  readonly resolve: (reference: SecretReference) => Secret
  readonly log: { warn(fields: object, message: string): void }
}

type Connected = Omit<MadeNfsServer, "isStale">
type System = Extract<NfsServerEntry, { readonly secret: unknown }>

/** Makes the NFS server that a document names. Nothing is asked of it yet. */
export function nfsServerMaker(parts: NfsServersParts): (entry: NfsServerEntry) => MadeNfsServer | undefined {
  const kernel = (): KernelServer => new KernelServer(parts.owner, exportfsReload)
  const ganesha = (): GaneshaServer => new GaneshaServer(parts.owner, ganeshaBus())
  return (entry) => {
    switch (entry.kind) {
      case "none":
        return undefined
      case "auto":
        return lasting(new FoundNfsServer([kernel(), ganesha()]), kernelFiles.own, ganeshaFiles.own)
      case "kernel":
        return lasting(kernel(), kernelFiles.own)
      case "ganesha":
        return lasting(ganesha(), ganeshaFiles.own)
      case "truenas":
      case "synology":
        return system(entry, parts)
    }
  }
}

/** One of this machine, whose file of ours is among these. */
function lasting(server: MadeNfsServer["server"], ...files: readonly string[]): MadeNfsServer {
  return {
    server,
    mayHold: () => files.some((file) => existsSync(file)),
    isStale: () => false,
    close: () => Promise.resolve(),
  }
}

function system(entry: System, parts: NfsServersParts): MadeNfsServer {
  const { kind } = entry
  const resolve = (): Secret => parts.resolve(entry.secret)
  let secret: Secret | undefined
  try {
    secret = resolve()
    const made = kind === "truenas" ? trueNas(entry, secret, parts) : synology(entry, secret, parts)
    return { ...made, isStale: isAnother(secret, resolve) }
  } catch (error) {
    const why = error instanceof Error ? error : new Error(String(error))
    const told = inStorageTerms(why)
    const unusable = lasting(new UnusableNfsServer(kind, told))
    return {
      ...unusable,
      quotas: new UnusableQuotas(told),
      mayHold: () => true,
      isStale: isAnother(secret, resolve),
    }
  }
}

/** Whether there is another secret now, such as one in a file that is mounted late. One that cannot be read is no other one. */
function isAnother(secret: Secret | undefined, resolve: () => Secret): () => boolean {
  return () => {
    try {
      return resolve().reveal() !== secret?.reveal()
    } catch {
      return false
    }
  }
}

function trueNas(
  { url, user, fingerprint }: System,
  key: Secret,
  { owner, log }: NfsServersParts,
): Connected {
  const client = new TrueNasClient({
    url: url.replace(/^https:/, "wss:"),
    user,
    key,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    notice: (message) => {
      log.warn({ server: "truenas" }, message)
    },
  })
  const close = (): Promise<void> => {
    client.close()
    return Promise.resolve()
  }
  const quotas = new TrueNasQuotas(client)
  return { server: new TrueNasServer(owner, client), quotas, mayHold: () => true, close }
}

function synology({ url, user, fingerprint }: System, password: Secret, parts: NfsServersParts): Connected {
  const state = new SynologyState(parts.stateDirectory)
  const client = new DsmClient({
    address: parseDsmAddress(url.replace(/^wss:/, "https:"), fingerprint),
    account: { name: user, password, revision: state.revisionOf(user, password) },
    logins: state.logins,
  })
  const mayHold = (): boolean => state.rules.read() !== undefined
  const quotas = new SynologyQuotas(client)
  return { server: new SynologyServer(client, state.rules), quotas, mayHold, close: () => client.close() }
}

/** What administrators are shown has a hint. */
function inStorageTerms(error: Error): Error {
  if (error instanceof StorageError) return error
  return new StorageError("password_missing", error.message, {
    hint: "Give the secret of nfsServer again.",
    cause: error,
  })
}
