import { join } from "node:path"
import type { FileContents } from "../../contents.js"
import { StorageError } from "../../errors.js"
import type { Snapshot } from "../../repository.js"
import type { RestoreLimits } from "../options.js"
import type { RestoreResult } from "../outcome.js"
import { restore } from "../restore.js"
import { rootToRestore } from "../root.js"
import { namesOf } from "../spot.js"
import type { Check } from "./checks.js"
import { type DrillFolder, makeDrillFolder, sweepDrills } from "./folder.js"
import { needOf, requireRoom } from "./need.js"
import { RestoredChecks } from "./restored-checks.js"
import { Spool } from "./spool.js"

export type DrillPhase = "restore" | "read_back" | "checks" | "clean_up"

export interface SqliteVerdict {
  readonly status: "ok" | "failed" | "unknown"
  readonly detail: string
}

export interface DrillOptions {
  /** Paths in the snapshot that must be there as files. */
  readonly sentinels?: readonly string[]
  /** Checks a database that was restored. It may write: what an application finds after a crash is mended by opening it. */
  readonly checkSqlite?: (path: string) => Promise<SqliteVerdict>
  /** Restores the same with the real engine into a directory that does not exist. */
  readonly withEngine?: (into: string, signal: AbortSignal | undefined) => Promise<void>
  /** How much of what the snapshot takes has to be free, twice that with the real engine. */
  readonly spaceFactor?: number
  /** So many bytes have to stay free besides. */
  readonly keepFree?: number
  /** A snapshot that holds more is refused. */
  readonly mostBytes?: number
  readonly bytesPerSecond?: number
  readonly signal?: AbortSignal
  /** Bytes of the phase. Called often. */
  readonly onProgress?: (phase: DrillPhase, bytes: number) => void
  readonly reopen?: () => Promise<FileContents>
  /** Absolute paths of directories that the scratch space must not lie in. */
  readonly notWithin?: readonly string[]
}

export interface DrillResult {
  /** No check failed. One whose answer is unknown is no failure, and no proof either. */
  readonly ok: boolean
  readonly files: number
  readonly bytes: number
  /** Of the restore alone, until all was on the disk. */
  readonly seconds: number
  /** Bytes in a second. */
  readonly rate: number
  readonly restored: RestoreResult
  readonly checks: readonly Check[]
  /** Directories that drills left behind whose process was killed. */
  readonly swept: readonly string[]
}

const FACTOR = 1.1
/** For lists, and for what small files take beyond their length. */
const SPARE_BYTES = 64 * 1024 * 1024
/** Deeper than applications nest; paths of the list grow with it. */
const DEEPEST = 512

/**
 * Restores a snapshot to scratch space, checks what is there, and removes it. Throws StorageError `no_space` when there is too little
 * room to begin or it is larger than allowed, `missing`, `unreadable`, `io` for the scratch space, `invalid` when it lies in `notWithin`, and the signal's reason; in
 * each case nothing is left behind. What a process left that was killed goes when the next one starts.
 */
export async function drill(
  contents: FileContents,
  snapshot: Snapshot,
  scratch: string,
  options: DrillOptions = {},
): Promise<DrillResult> {
  const { signal, withEngine, spaceFactor = FACTOR, keepFree = 0, mostBytes = Infinity } = options
  const { removed } = await sweepDrills(scratch)
  const root = await rootToRestore(contents, snapshot)
  const need = await needOf(contents, root.entry, snapshot, signal)
  if (need.bytes > mostBytes) throw tooLarge(need.bytes, mostBytes)
  const bytes = need.bytes + SPARE_BYTES
  const factor = spaceFactor * (withEngine === undefined ? 1 : 2)
  requireRoom(scratch, { bytes, entries: need.entries }, factor, keepFree)
  const folder = makeDrillFolder(scratch)
  let drilled: Omit<DrillResult, "ok" | "swept">
  try {
    const limits = { bytes: bytes * spaceFactor, depth: DEEPEST }
    drilled = await inFolder(folder, { contents, snapshot, root, limits, options })
  } catch (error) {
    await folder.remove().catch(() => undefined)
    throw error
  }
  options.onProgress?.("clean_up", 0)
  const checks = [...drilled.checks, await cleanUp(folder)]
  return { ...drilled, checks, ok: checks.every(({ status }) => status !== "failed"), swept: removed }
}

function tooLarge(bytes: number, most: number): StorageError {
  return new StorageError("no_space", `it holds ${bytes} bytes, and at most ${most} are to be restored`, {
    hint: "Allow more as `drills.most`, or drill it by hand: `cistern drill`.",
  })
}

interface Work {
  readonly contents: FileContents
  readonly snapshot: Snapshot
  readonly root: Awaited<ReturnType<typeof rootToRestore>>
  readonly limits: Partial<RestoreLimits>
  readonly options: DrillOptions
}

async function inFolder(
  folder: DrillFolder,
  { contents, snapshot, root, limits, options }: Work,
): Promise<Omit<DrillResult, "ok" | "swept">> {
  const { signal, onProgress, reopen, notWithin, bytesPerSecond } = options
  const tree = join(folder.path, "tree")
  const spool = new Spool(join(folder.path, "files"))
  try {
    const restored = await restore(contents, root.entry, tree, {
      name: root.name,
      limits,
      onFile: ({ spot, bytes, sha256, head }) => {
        const path = Buffer.concat(namesOf(spot).flatMap((name, at) => (at === 0 ? [name] : [SLASH, name])))
        spool.add({ path, bytes, sha256, isSqlite: head.equals(SQLITE) })
      },
      onProgress: ({ bytes }) => onProgress?.("restore", bytes),
      ...(signal === undefined ? {} : { signal }),
      ...(reopen === undefined ? {} : { reopen }),
      ...(notWithin === undefined ? {} : { notWithin }),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    })
    const checks = await new RestoredChecks({ folder: folder.path, tree, spool, options }).all(
      snapshot,
      restored,
    )
    const { files, seconds } = restored
    const bytes = restored.bytes + restored.linkedBytes
    return { files, bytes, seconds, rate: seconds > 0 ? restored.bytes / seconds : 0, restored, checks }
  } finally {
    spool.close()
  }
}

const SLASH = Buffer.from("/")
const SQLITE = Buffer.from("SQLite format 3\0")

async function cleanUp(folder: DrillFolder): Promise<Check> {
  try {
    await folder.remove()
    return { name: "cleaned_up", status: "ok", detail: "nothing is left of it" }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return { name: "cleaned_up", status: "failed", detail: `${folder.path} is left: ${error.message}` }
  }
}
