import { mkdirSync } from "node:fs"
import type { FileContents, SnapshotEntry } from "../contents.js"
import { nameOfBytes } from "../disk/directories/names.js"
import { type Entry, isSame, type Pinned } from "../disk/directories/pinned.js"
import { swapped } from "../disk/directories/failures.js"
import { StorageError } from "../errors.js"
import { syncFilesystem } from "../host/index.js"
import { EntryWriter, Stop } from "./entry-writer.js"
import { applyMetadata } from "./metadata.js"
import type { RestoreOptions } from "./options.js"
import { diskFailure, failureOfEntry, type RestoreResult } from "./outcome.js"
import type { Spot } from "./spot.js"
import { openTarget, type Target } from "./target.js"

/** Directories that are held open at once; those further above are found again by "..". */
const MOST_HELD = 64
/** Files that are read and written at once: while one waits for a disk, another one is decrypted. */
const AT_ONCE = 4

/** A directory that is being filled. */
interface Level {
  readonly entry: SnapshotEntry
  readonly spot: Spot
  readonly identity: Pick<Entry, "device" | "inode">
  directory: Pinned | undefined
  /** Still to be made in it, the last one first. */
  readonly directories: SnapshotEntry[]
}

/**
 * Restores an entry of a snapshot, and all below it, into a new or an empty directory, which becomes the entry when that is a
 * directory. Nothing is followed on the way: it descends only into directories that it made and holds open. What cannot be read or
 * made is told in the result, and the rest goes on; a disk that fails or fills ends it with `stopped`. Throws StorageError `occupied`,
 * `invalid`, `missing`, `unreadable` for the target itself, and the signal's reason.
 */
export async function restore(
  contents: FileContents,
  entry: SnapshotEntry,
  target: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  options.signal?.throwIfAborted()
  const opened = openTarget(target, options.notWithin ?? [])
  const writer = new EntryWriter(contents, opened.directory, options)
  const filling = new Filling(opened, writer, options)
  let stopped: StorageError | undefined
  try {
    await filling.fill(entry)
    if (options.unsynced !== true) await sync(opened.directory)
  } catch (error) {
    options.signal?.throwIfAborted()
    const reason = error instanceof Stop ? error.reason : diskFailure(error, target)
    if (!(reason instanceof StorageError)) throw reason
    stopped = reason
  } finally {
    filling.close()
    opened.directory.close()
  }
  return writer.outcome.result(writer.source.reopened, stopped)
}

/** What a disk could not write shows only now; that there is no such program proves nothing. */
async function sync(directory: Pinned): Promise<void> {
  try {
    await syncFilesystem({ descriptor: directory.descriptor, path: directory.path })
  } catch (error) {
    if (!(error instanceof StorageError) || !["missing", "unsupported"].includes(error.code)) throw error
  }
}

class Filling {
  readonly #target: Target
  readonly #writer: EntryWriter
  readonly #options: RestoreOptions
  readonly #levels: Level[] = []
  readonly #top: Entry

  constructor(target: Target, writer: EntryWriter, options: RestoreOptions) {
    this.#target = target
    this.#writer = writer
    this.#options = options
    this.#top = target.directory.look()
  }

  async fill(entry: SnapshotEntry): Promise<void> {
    const { directory } = this.#target
    if (entry.kind !== "directory") {
      const name = entry.name.length > 0 ? entry.name : (this.#options.name ?? Buffer.from("content"))
      await this.#writer.write({ ...entry, name }, directory, undefined)
      directory.chmod(this.#target.mode)
      return
    }
    await this.#open({ ...entry, name: new Uint8Array() }, undefined, directory)
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      this.#options.signal?.throwIfAborted()
      const next = level.directories.pop()
      if (next === undefined) this.#leave()
      else await this.#enter(level, next)
    }
  }

  close(): void {
    for (const { directory } of this.#levels.splice(0))
      if (directory !== this.#target.directory) directory?.close()
  }

  async #enter(above: Level, entry: SnapshotEntry): Promise<void> {
    const spot = { name: entry.name, above: above.spot }
    if (this.#levels.length > (this.#options.limits?.depth ?? DEEPEST)) {
      this.#writer.outcome.fail(spot, "too_deep", "directories lie in directories deeper than here allowed")
      return
    }
    this.#writer.count()
    const into = heldOf(above)
    const name = nameOfBytes(entry.name)
    try {
      mkdirSync(into.under(name), 0o700)
    } catch (error) {
      const failure = failureOfEntry(error)
      if (failure === undefined) throw error
      this.#writer.outcome.fail(spot, ...failure)
      return
    }
    await this.#open(entry, spot, this.#own(into, name))
  }

  /** What was just made: whatever else has its name by now is not entered. */
  #own(into: Pinned, name: string): Pinned {
    const made = into.child(name)
    if (made === undefined) throw swapped(into.path)
    const { kind, device } = made.look()
    const isOurs =
      kind === "directory" && device === this.#top.device && made.someNames(1, () => true).length === 0
    if (isOurs) return made
    made.close()
    throw swapped(made.path)
  }

  async #open(entry: SnapshotEntry, spot: Spot | undefined, directory: Pinned): Promise<void> {
    const level: Level = {
      entry,
      spot: spot ?? { name: new Uint8Array(), above: undefined },
      identity: directory.look(),
      directory,
      directories: [],
    }
    this.#levels.push(level)
    this.#letGo()
    const entries = await this.#list(level)
    await this.#writeAll(
      entries.filter(({ kind }) => kind !== "directory"),
      level,
    )
    for (const one of entries) if (one.kind === "directory") level.directories.push(one)
    level.directories.reverse()
  }

  async #list({ entry, spot }: Level): Promise<readonly SnapshotEntry[]> {
    try {
      return await this.#writer.source.use((contents) => contents.list(entry))
    } catch (error) {
      this.#writer.failReading(spot, error)
      return []
    }
  }

  /** Several at once; the names of one file in their order, because the first has to be there for the second. */
  async #writeAll(entries: readonly SnapshotEntry[], level: Level): Promise<void> {
    const into = heldOf(level)
    const queue = entries.filter(({ sameFile }) => sameFile === undefined).values()
    const failures: unknown[] = []
    const work = async (): Promise<void> => {
      for (const entry of queue) {
        if (failures.length > 0) return
        try {
          await this.#writer.write(entry, into, level.spot)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (failures.length > 0) throw failures[0]
    for (const entry of entries)
      if (entry.sameFile !== undefined) await this.#writer.write(entry, into, level.spot)
  }

  /** Its times and its mode come last: filling it changes the one, and may need another of the other. */
  #leave(): void {
    const level = this.#levels.pop()
    if (level === undefined) return
    const directory = heldOf(level)
    const above = this.#levels.at(-1)
    try {
      if (above !== undefined && above.directory === undefined)
        above.directory = this.#aboveOf(directory, above)
      const isTop = directory === this.#target.directory
      if (isTop && level.entry.mode === undefined) directory.chmod(this.#target.mode)
      const place = { self: directory.self, name: undefined, spot: level.spot }
      applyMetadata(place, level.entry, this.#writer.calls, this.#writer.outcome)
      if (!isTop) this.#writer.outcome.directories++
    } finally {
      if (directory !== this.#target.directory) directory.close()
    }
  }

  #aboveOf(directory: Pinned, level: Level): Pinned {
    const above = directory.child("..")
    if (above !== undefined && isSame(above.look(), level.identity)) return above
    above?.close()
    throw swapped(this.#target.directory.path)
  }

  /** Processes may hold few files open, and trees may be deep. */
  #letGo(): void {
    const level = this.#levels.at(-1 - MOST_HELD)
    if (level?.directory === undefined || level.directory === this.#target.directory) return
    level.directory.close()
    level.directory = undefined
  }
}

/** Deeper than anybody nests, and no deeper than memory allows. */
const DEEPEST = 20_000

function heldOf({ directory, spot }: Level): Pinned {
  if (directory !== undefined) return directory
  throw new Error(`a directory at ${String(spot.name)} was let go too early`)
}
