import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { asProblem, walkCounter, type WalkLimits } from "./limits.js"
import { PathBuffer } from "./path-buffer.js"
import { sortedEntries } from "./sorted-entries.js"
import { wholeOrStream } from "./whole-or-stream.js"

/** One entry of an archive. */
export interface ArchiveItem {
  /** Relative, with the name of the directory that is archived before it. */
  readonly path: Uint8Array
  readonly entry: SnapshotEntry
  /** Of a file: the bytes that `body` has. */
  readonly size: number
  /** Of a file. To be read to its end before the next item is asked for. */
  readonly body: AsyncIterable<Uint8Array> | undefined
  /** Of a symlink. */
  readonly target: Uint8Array | undefined
  /** Of one more name of a file that came before: that one's path. It has no body. */
  readonly link: Uint8Array | undefined
}

export interface ArchiveOptions extends WalkLimits {
  /** What all paths begin with; without it the directory's own name, and nothing for the root of a snapshot. */
  readonly name?: Uint8Array
  /**
   * `stop`: the archive ends with the error, and misses its end, so that no reader takes it for whole. `skip`: what is damaged is
   * left out and told, the rest is whole; large files are then read twice, because a file's size stands before its bytes.
   */
  readonly damaged: "stop" | "skip"
  /** What is left out, and why. */
  readonly onProblem?: (path: Uint8Array, problem: StorageError) => void
  /** What the format cannot hold, though nothing is wrong with it. */
  readonly onLoss?: (path: Uint8Array, loss: ArchiveLoss) => void
}

/** `kind`: the entry is left out. `hard_link`: it is a file of its own. `name`: it has another name. `attributes`: it has none. */
export type ArchiveLoss = "kind" | "hard_link" | "name" | "attributes"

interface Level {
  readonly entries: readonly SnapshotEntry[]
  readonly cameFrom: number
  at: number
}

/**
 * What goes into an archive of a directory, each directory before what is in it. One content is in memory at a time, and the
 * directories on the way. Of entries with one name in a directory the first goes in and the others are told: an unpacking
 * program would follow a symlink that it just made.
 */
export async function* archiveItems(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: ArchiveOptions & { readonly hardLinks: boolean },
): AsyncGenerator<ArchiveItem> {
  const path = new PathBuffer(options.name ?? directory.name)
  const tell = options.onProblem ?? ignore
  const count = walkCounter(options)
  const links = new Map<string, Uint8Array>()
  const levels: Level[] = []

  /** Gives the problem, or ends everything with it. */
  const damaged = (error: unknown): StorageError => {
    const problem = asProblem(error)
    if (options.damaged === "stop") throw problem
    return problem
  }
  const enter = async (one: SnapshotEntry, cameFrom: number): Promise<void> => {
    const listed = await contents.list(one).catch(damaged)
    if (listed instanceof StorageError) {
      tell(path.current(), listed)
      path.leave(cameFrom)
      return
    }
    count(1 + listed.length)
    const { entries, repeated } = sortedEntries(listed)
    for (const { name } of repeated) tell(path.of(name), nameTwice())
    levels.push({ entries, cameFrom, at: 0 })
  }

  count(0)
  const top = path.current()
  if (top.length > 0) yield bare(top, directory)
  await enter(directory, 0)
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries[level.at++]
    if (entry === undefined) {
      path.leave(level.cameFrom)
      levels.pop()
      continue
    }
    count(0)
    const item = bare(path.of(entry.name), entry)
    if (entry.kind === "directory") {
      yield item
      await enter(entry, path.enter(entry.name))
    } else if (entry.kind === "symlink") {
      const target = await contents.target(entry).catch(damaged)
      if (target instanceof StorageError) tell(item.path, target)
      else yield { ...item, target }
    } else if (entry.kind === "file") {
      const link = entry.sameFile === undefined ? undefined : links.get(entry.sameFile)
      if (link !== undefined && options.hardLinks) {
        yield { ...item, link }
        continue
      }
      if (link !== undefined) options.onLoss?.(item.path, "hard_link")
      const content = await wholeOrStream(contents, entry, options).catch(damaged)
      if (content instanceof StorageError) {
        tell(item.path, content)
        continue
      }
      yield { ...item, ...content }
      if (entry.sameFile !== undefined) links.set(entry.sameFile, item.path)
    } else yield item
  }
}

function bare(path: Uint8Array, entry: SnapshotEntry): ArchiveItem {
  return { path, entry, size: 0, body: undefined, target: undefined, link: undefined }
}

function nameTwice(): StorageError {
  return new StorageError("corrupt", "its directory has this name already: left out", {
    hint: "No backup program writes such a directory: somebody made it by hand.",
  })
}

function ignore(): void {
  // Nobody asked to be told.
}
