import { lstatSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { StorageError } from "../../errors.js"
import { HeldDirectory } from "../open-directory.js"
import { move } from "./move.js"
import { removeCopy } from "./roll-back.js"
import {
  COPY,
  endJournal,
  journalIds,
  readJournal,
  ROLL_BACKS,
  type RollBackJournal,
} from "./roll-back-journal.js"

/** A roll back that ended before its end. Paths are absolute. */
export interface UnfinishedRollBack {
  readonly id: string
  /**
   * `before`: the directory is as it was. `between`: it is set aside and nothing is in its place. `after`: it was rolled back.
   * `unclear`: none of these.
   */
  readonly state: "before" | "between" | "after" | "unclear"
  /** Undefined where the journal was not written yet. */
  readonly directory: string | undefined
  readonly aside: string | undefined
  readonly copy: string
  readonly snapshot: string | undefined
  /** What is where, in sentences. */
  readonly message: string
}

/**
 * The roll backs of a store that a crash interrupted. For a start, and while none is under way. A folder without journal and copy is of
 * none: that one was not begun yet, or came to its end. Changes nothing.
 */
export async function unfinishedRollBacks(store: string): Promise<readonly UnfinishedRollBack[]> {
  return withFolder(
    store,
    async (root, folder) =>
      journalIds(folder).flatMap((id) => {
        const home = folder.open(id)
        try {
          return isBare(home) ? [] : [judge(root, home, id)]
        } finally {
          home.close()
        }
      }),
    [],
  )
}

/**
 * Ends one: what was set aside goes back to its place unless the roll back had come to its end, and the copy is removed. Throws
 * StorageError `invalid` for one that is unclear: then a person has to look.
 */
export async function settleRollBack(store: string, id: string): Promise<void> {
  const settled = await withFolder(
    store,
    async (root, folder) => {
      if (!journalIds(folder).includes(id)) return false
      const home = folder.open(id)
      try {
        const { state, message } = judge(root, home, id)
        if (state === "unclear") {
          throw new StorageError("invalid", message, {
            facts: { id },
            hint: `Put the right directory in its place by hand, then remove ${home.path}.`,
          })
        }
        const journal = readJournal(home)
        if (state === "between" && journal !== undefined) moveBack(root, journal)
        await removeCopy(home)
        endJournal(folder, home, id)
        return true
      } finally {
        home.close()
      }
    },
    false,
  )
  if (settled) return
  throw new StorageError("missing", `there is no unfinished roll back ${id}`, { facts: { id } })
}

function isBare(home: HeldDirectory): boolean {
  return journalOf(home) === undefined && lstatSync(home.entry(COPY), { throwIfNoEntry: false }) === undefined
}

function judge(root: HeldDirectory, home: HeldDirectory, id: string): UnfinishedRollBack {
  const copy = `${home.path}/${COPY}`
  const hasCopy = lstatSync(home.entry(COPY), { throwIfNoEntry: false }) !== undefined
  const journal = journalOf(home)
  if (journal === undefined || "unreadable" in journal) {
    const nothing = { id, directory: undefined, aside: undefined, copy, snapshot: undefined }
    if (journal === undefined && !hasCopy)
      return { ...nothing, state: "before", message: "Nothing of it is left to do." }
    return { ...nothing, state: "unclear", message: `Its journal in ${home.path} cannot be read.` }
  }
  const [directory, aside] = [join(root.path, journal.directory), join(root.path, journal.aside)]
  const there = {
    directory: isThere(root, journal.directory),
    aside: isThere(root, journal.aside),
    copy: hasCopy,
  }
  const { state, message } = stateOf(there, directory, aside, copy)
  return { id, state, directory, aside, copy, snapshot: journal.snapshot, message }
}

interface There {
  readonly directory: boolean
  readonly aside: boolean
  readonly copy: boolean
}

/** The only moves are directory → aside, then copy → directory; so what is there tells how far it came. */
function stateOf(
  there: There,
  directory: string,
  aside: string,
  copy: string,
): Pick<UnfinishedRollBack, "state" | "message"> {
  if (there.directory && !there.aside)
    return {
      state: "before",
      message: `${directory} is as it was${there.copy ? `; ${copy} is not needed` : ""}.`,
    }
  if (!there.directory && there.aside && there.copy) {
    const message = `Nothing is at ${directory}. What was there is at ${aside}, and what was to take its place is at ${copy}, complete.`
    return { state: "between", message }
  }
  if (there.directory && there.aside && !there.copy)
    return { state: "after", message: `${directory} was rolled back. What was there before is at ${aside}.` }
  const places = [
    [directory, there.directory],
    [aside, there.aside],
    [copy, there.copy],
  ] as const
  const seen = places.map(([path, is]) => `${path} is ${is ? "there" : "not there"}`)
  return { state: "unclear", message: `It cannot be told how far it came: ${seen.join(", ")}.` }
}

function journalOf(home: HeldDirectory): RollBackJournal | { readonly unreadable: true } | undefined {
  try {
    return readJournal(home)
  } catch (error) {
    if (error instanceof StorageError) return { unreadable: true }
    throw error
  }
}

/** A directory that is reached without links. */
function isThere(root: HeldDirectory, relative: string): boolean {
  try {
    root.open(relative).close()
    return true
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing") return false
    throw error
  }
}

function moveBack(root: HeldDirectory, { directory, aside }: RollBackJournal): void {
  const [to, from] = [root.open(dirname(directory)), root.open(dirname(aside))]
  try {
    move(from, basename(aside), to, basename(directory))
    for (const changed of [to, from]) changed.sync()
  } finally {
    for (const one of [to, from]) one.close()
  }
}

/** `none`: where no roll back was ever begun. */
async function withFolder<T>(
  store: string,
  work: (root: HeldDirectory, folder: HeldDirectory) => Promise<T>,
  none: T,
): Promise<T> {
  const root = HeldDirectory.at(store)
  try {
    const folder = folderIn(root)
    if (folder === undefined) return none
    try {
      return await work(root, folder)
    } finally {
      folder.close()
    }
  } finally {
    root.close()
  }
}

function folderIn(root: HeldDirectory): HeldDirectory | undefined {
  try {
    return root.open(ROLL_BACKS)
  } catch (error) {
    if (error instanceof StorageError && error.facts["errno"] === "ENOENT") return undefined
    throw error
  }
}
