import type { FileTree, FolderNames, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { asFile, type HashNamedFolder, isHash, strayNotices } from "./hash-named.js"

// A look at a file costs more than its name, and a repository has thousands of snapshots that never change. So a name that is
// known is believed, with the length it had, until something says otherwise: a file event, or a look at everything.

/** Of which known files it is not sure that they are as they were: these, relative to the repository, or any. */
export type Doubt = ReadonlySet<string> | "any"

/** After a look that was sure of everything, nothing is in doubt for a moment. */
export const NO_DOUBT: Doubt = new Set()

/** One of restic's folders, and what is known of its files from the last look that succeeded. */
export class FolderView {
  readonly #folder: string
  #known: readonly TreeEntry[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * What lies in the folder now; undefined: there is no such folder. The `files` stay the same array while nothing in it
   * changes. Throws as FileTree does, and `corrupt` for a name of restic's on anything but a file.
   */
  async look(tree: FileTree, doubt: Doubt): Promise<HashNamedFolder | undefined> {
    const known = this.#known
    this.#known = []
    const found = await namesOrNothing(tree, this.#folder)
    if (found === undefined) return undefined
    const believed = doubt === "any" ? [] : without(known, namesIn(this.#folder, doubt))
    const ends = sameEnds(found.names, believed)
    const files = believed.slice(0, ends.first)
    const strays: string[] = []
    const between = new Map(ends.between(believed).map((entry) => [entry.name, entry]))
    for (const name of [...ends.between(found.names)].sort()) {
      const before = between.get(name)
      if (before === undefined && !isHash(name)) {
        strays.push(name)
        continue
      }
      const file = `${this.#folder}/${name}`
      const entry = before ?? (await tree.stat(file))
      // Gone between the two calls: as if it had never been listed.
      if (entry !== undefined) files.push(asFile(entry, file))
    }
    for (const entry of believed.slice(believed.length - ends.last)) files.push(entry)
    const entries = believed === known ? files : withOldObjects(files, known)
    const unchanged = entries.length === known.length && entries.every((entry, at) => entry === known[at])
    this.#known = unchanged ? known : entries
    return { files: this.#known, notices: strayNotices(this.#folder, strays, found.undecodableNames) }
  }
}

/** Whether a file is what it was, as far as that can be told without reading it. */
export function isSame(one: TreeEntry, other: TreeEntry): boolean {
  if (one === other) return true
  return (
    one.name === other.name &&
    one.kind === other.kind &&
    one.length === other.length &&
    one.modified === other.modified
  )
}

function namesIn(folder: string, files: ReadonlySet<string>): ReadonlySet<string> {
  const start = `${folder}/`
  return new Set([...files].filter((file) => file.startsWith(start)).map((file) => file.slice(start.length)))
}

function without(known: readonly TreeEntry[], names: ReadonlySet<string>): readonly TreeEntry[] {
  if (names.size === 0) return known
  const others = known.filter(({ name }) => !names.has(name))
  return others.length === known.length ? known : others
}

interface SameEnds {
  /** How many there are of equal name at both beginnings and at both ends. */
  readonly first: number
  readonly last: number
  /** What lies between them. */
  readonly between: <T>(all: readonly T[]) => readonly T[]
}

/**
 * Most listings differ from the last one in a single place. Where the names do not come in order, as DirectoryTree gives
 * them, nothing is the same.
 */
function sameEnds(names: readonly string[], entries: readonly TreeEntry[]): SameEnds {
  const shorter = Math.min(names.length, entries.length)
  let first = 0
  while (first < shorter && names[first] === entries[first]?.name) first++
  let last = 0
  while (first + last < shorter && names.at(-1 - last) === entries.at(-1 - last)?.name) last++
  const low = names[first - 1] ?? ""
  const high = names[names.length - last]
  const isBetween = (name: string) => low < name && (high === undefined || name < high)
  if (!names.slice(first, names.length - last).every(isBetween)) [first, last] = [0, 0]
  return { first, last, between: (all) => all.slice(first, all.length - last) }
}

/** The entries, as the objects that were known before where they are the same: nothing is kept twice. */
function withOldObjects(now: readonly TreeEntry[], known: readonly TreeEntry[]): readonly TreeEntry[] {
  let at = 0
  return now.map((entry) => {
    while (isBefore(known[at], entry)) at++
    const before = known[at]
    return before !== undefined && isSame(before, entry) ? before : entry
  })
}

function isBefore(one: TreeEntry | undefined, other: TreeEntry): boolean {
  return one !== undefined && one !== other && one.name !== other.name && one.name < other.name
}

async function namesOrNothing(tree: FileTree, folder: string): Promise<FolderNames | undefined> {
  try {
    return await tree.names(folder)
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing") return undefined
    throw error
  }
}
