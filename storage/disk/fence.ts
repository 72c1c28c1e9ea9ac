import { StorageError } from "../errors.js"
import { type FilesystemIdentity, type Location, locate, locateAmong } from "./filesystem.js"
import { hostFolders, type HostFolders } from "./filesystem-uuid.js"
import { type Mount, mountOf, readMounts } from "./mountinfo.js"
import { createSentinel, readSentinel } from "./sentinel.js"

// A mover that writes into an unmounted directory makes a new, empty repository there, and an empty repository looks like
// "no backup yet". So what is behind a path is believed only while it is the filesystem that an administrator accepted.

/** What is remembered of a store, or of one repository's path. Plain JSON. */
export interface FenceRecord {
  readonly realPath: string
  /** Equal to `realPath` where the path is itself a mounted filesystem, such as a dataset of its own. */
  readonly mountPoint: string
  readonly filesystem: FilesystemIdentity
  /** The store's id in its sentinel. Absent where none may be written, or where the path is not a store's own. */
  readonly sentinel?: string
}

/** Why a fence does not hold, by remedy. */
export type FenceCode =
  /** The filesystem is not there: mount it. */
  | "not_mounted"
  /** The filesystem is there and the directory is not. */
  | "missing_directory"
  /** Something else is there: undo it, or accept it. */
  | "other_filesystem"
  /** The store's sentinel is gone: somebody emptied the store, or it is another copy of it. */
  | "sentinel_missing"
  /** It is another store. */
  | "sentinel_other"
  /** It may show old listings as new ones: mount it otherwise. */
  | "stale_reads"
  /** It cannot be told: permissions, or a failing disk or server. */
  | "unreadable"

export type FenceState =
  | {
      readonly kind: "holds"
      /** Reading is certain, writing impossible. */
      readonly readOnly?: boolean
      /** st_dev as of now; give it to the next check. */
      readonly device?: string
    }
  | { readonly kind: "fenced"; readonly code: FenceCode; readonly message: string; readonly hint: string }

type Fenced = Extract<FenceState, { kind: "fenced" }>

export interface CheckOptions {
  /** The store's name, for the act that accepts a change. Undefined where there is none to accept: what was only lent. */
  readonly store?: string | undefined
  /** What the last check said while this machine was running. It tells two filesystems of equal name apart. */
  readonly device?: string | undefined
  /** Shared by checks that follow each other at once: which filesystem a mount is has to be found out once for all of them. */
  readonly identities?: Map<Mount, FilesystemIdentity>
  readonly host?: HostFolders
}

/**
 * Remembers what is under `path` now. Writes nothing. For repository paths and for what we were only lent. Throws StorageError
 * `missing`, `unreadable`, `io`.
 */
export function takeFence(path: string, options: { host?: HostFolders } = {}): FenceRecord {
  return recordOf(locate(path, options.host))
}

export interface StoreFenceOptions {
  /** Lets the store be on the root filesystem, where an unmounted disk cannot be told from an empty one. */
  readonly allowRoot?: boolean
  /** False where the store's directory is itself a repository. */
  readonly sentinel: boolean
  /** The store's id so far: where its sentinel is gone it is written again, and what is remembered of the store stays so. */
  readonly id?: string | undefined
  readonly now?: Date
  readonly host?: HostFolders
}

/**
 * Remembers what is under a store's path and puts a sentinel there; one that is there already is adopted. Throws StorageError
 * `missing`, before anything is written, where the path is only a directory of the root filesystem.
 */
export function takeStoreFence(path: string, options: StoreFenceOptions): FenceRecord {
  const location = locate(path, options.host)
  if (location.mountPoint === "/" && options.allowRoot !== true) {
    throw new StorageError(
      "missing",
      `${path} is not on a mounted filesystem, but on that of the system itself`,
      {
        facts: { file: path, source: location.filesystem.source },
        hint: "Mount the store's filesystem there, or declare the store with `allowRoot: true`.",
      },
    )
  }
  if (!options.sentinel) return recordOf(location)
  const existing = readSentinel(location.realPath)
  return {
    ...recordOf(location),
    sentinel: existing ?? createSentinel(location.realPath, options.now ?? new Date(), options.id),
  }
}

function recordOf({ realPath, mountPoint, filesystem }: Location): FenceRecord {
  return { realPath, mountPoint, filesystem }
}

/** Whether `path` is still what `record` says. Never throws; hangs where the mount hangs, so call it in the store's thread. */
export function checkFence(path: string, record: FenceRecord, options: CheckOptions = {}): FenceState {
  try {
    const state = compare(path, record, options)
    return state.kind === "fenced" ? acceptable(state, options.store) : state
  } catch (error) {
    return ofError(path, error, options.store)
  }
}

function compare(path: string, record: FenceRecord, options: CheckOptions): FenceState {
  // The table of mounts first: it answers even when the filesystem would not.
  const absent = absentMount(path, record, readMounts())
  if (absent !== undefined) return absent
  const { location, mounts } = locateAmong(path, options.host ?? hostFolders, options.identities)
  return (
    absentMount(path, record, mounts) ??
    moved(path, location, record) ??
    differing(path, location.filesystem, record.filesystem, options.host ?? hostFolders) ??
    replaced(path, location, record, options.device) ??
    foreignSentinel(path, location, record) ?? {
      kind: "holds",
      readOnly: location.readOnly,
      device: location.device,
    }
  )
}

/** What is different may be meant; then a person says so. */
function acceptable(state: Fenced, store: string | undefined): Fenced {
  const act = store === undefined ? "start Cistern again" : `run \`cistern stores accept ${store}\``
  return { ...state, hint: `${state.hint} If the change is meant, ${act}.` }
}

function absentMount(path: string, record: FenceRecord, mounts: readonly Mount[]): Fenced | undefined {
  const mount = mountOf(record.mountPoint, mounts)
  // An automounter mounts when somebody looks, so it is looked at first.
  if (mount.mountPoint === record.mountPoint || mount.type === "autofs") return undefined
  return {
    kind: "fenced",
    code: "not_mounted",
    message: `${path}: nothing is mounted at ${record.mountPoint}, where ${named(record.filesystem)} was`,
    hint: "Mount it again.",
  }
}

function moved(path: string, location: Location, record: FenceRecord): Fenced | undefined {
  if (location.mountPoint !== record.mountPoint) {
    const covered = location.mountPoint.length > record.mountPoint.length
    return covered
      ? other(path, `${named(location.filesystem)} is mounted over it at ${location.mountPoint}`)
      : {
          kind: "fenced",
          code: "not_mounted",
          message: `${path}: nothing is mounted at ${record.mountPoint}, where ${named(record.filesystem)} was`,
          hint: "Mount it again.",
        }
  }
  if (location.realPath === record.realPath) return undefined
  return other(path, `it leads to ${location.realPath} now, not to ${record.realPath}`)
}

function differing(
  path: string,
  now: FilesystemIdentity,
  then: FilesystemIdentity,
  host: HostFolders,
): Fenced | undefined {
  const same = then.uuid === undefined ? now.source === then.source : now.uuid === then.uuid
  if (same && now.type === then.type && now.root === then.root) return undefined
  if (then.uuid !== undefined && now.uuid === undefined && now.type === then.type) {
    return {
      kind: "fenced",
      code: "unreadable",
      message: `${path}: the identity of its filesystem could be read when it was accepted and cannot be read now`,
      hint: `Give the daemon the same view of ${host.dev} and ${host.sys} as before.`,
    }
  }
  return other(path, `${named(now)} is there, not ${named(then)}`)
}

/** Filesystems of equal name, such as two tmpfs: the device number tells them apart, but only until the next boot. */
function replaced(
  path: string,
  location: Location,
  record: FenceRecord,
  device: string | undefined,
): Fenced | undefined {
  if (record.filesystem.strength !== "weak" || device === undefined || device === location.device)
    return undefined
  return other(path, `another ${location.filesystem.type} was mounted there`)
}

function foreignSentinel(path: string, location: Location, record: FenceRecord): Fenced | undefined {
  if (record.sentinel === undefined) return undefined
  const found = readSentinel(location.realPath)
  if (found === record.sentinel) return undefined
  if (found === undefined) {
    return {
      kind: "fenced",
      code: "sentinel_missing",
      message: `${path}: the store's sentinel .cistern/store.json is gone`,
      hint: "Find out who emptied the store, or whether this is an older copy of it.",
    }
  }
  return {
    kind: "fenced",
    code: "sentinel_other",
    message: `${path}: the sentinel is that of another store (${found}, not ${record.sentinel})`,
    hint: "Mount the right filesystem there.",
  }
}

function other(path: string, what: string): Fenced {
  return {
    kind: "fenced",
    code: "other_filesystem",
    message: `${path}: ${what}`,
    hint: "Mount the right filesystem there.",
  }
}

function named({ type, source, root, uuid }: FilesystemIdentity): string {
  const part = root === "/" ? "" : `, ${root} of it`
  return `${type} ${source}${part}${uuid === undefined ? "" : ` (${uuid})`}`
}

function ofError(path: string, error: unknown, store: string | undefined): Fenced {
  if (!(error instanceof StorageError)) throw error
  if (error.code === "missing") {
    const missing: Fenced = {
      kind: "fenced",
      code: "missing_directory",
      message: `${path}: the filesystem is mounted and the directory is not there`,
      hint: "Find out who removed it; do not create an empty one in its place.",
    }
    return acceptable(missing, store)
  }
  return {
    kind: "fenced",
    code: "unreadable",
    message: error.message,
    hint: error.hint ?? "Look at the permissions and at the health of the filesystem.",
  }
}
