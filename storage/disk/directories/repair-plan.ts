import { createHash } from "node:crypto"
import { StorageError } from "../../errors.js"
import { foreignNames } from "../emptiness.js"
import { STORE_FOLDER } from "../sentinel.js"
import type { DirectoryOwner } from "./create.js"
import { MOST_LEVELS } from "./names.js"
import type { Entry, Pinned } from "./pinned.js"
import { changeOf, type WantedOwner } from "./repair-change.js"
import { type Counted, NONE, oneMore, STEP, type Steps } from "./steps.js"

export interface RepairScope {
  readonly wanted: WantedOwner
  /** Also all that lies below. */
  readonly recursive: boolean
  /** Also files that have further names, which may lie elsewhere. */
  readonly hardLinks: boolean
}

/** One change of a plan. */
export interface PlannedChange {
  /** Below the directory, in `nameOfBytes`' letters; "" is the directory itself. */
  readonly path: string
  readonly inode: string
  readonly kind: Entry["kind"]
  readonly from: DirectoryOwner
  readonly to: DirectoryOwner
}

/** What a plan comes to. */
export interface PlannedRepair {
  readonly looked: number
  readonly changes: number
  /** The first of them. */
  readonly examples: readonly PlannedChange[]
  /** Left alone: a change through one name would show under another. */
  readonly hardLinked: Counted
  /** Left alone: other filesystems and subvolumes. */
  readonly elsewhere: Counted
  /** Left alone: devices, sockets and fifos. */
  readonly special: Counted
  /** The same for the same changes. */
  readonly digest: string
}

const MOST_EXAMPLES = 20

/** Finds what has to be changed, and changes nothing. `each` is given every change, in a lasting order. Throws StorageError. */
export function* planRepair(
  top: Pinned,
  { wanted, recursive, hardLinks }: RepairScope,
  each: (change: PlannedChange) => void = () => undefined,
): Steps<PlannedRepair> {
  const hash = createHash("sha256")
  const examples: PlannedChange[] = []
  let [looked, changes] = [0, 0]
  let [hardLinked, elsewhere, special] = [NONE, NONE, NONE]
  const device = top.look().device
  const mount = top.mountId()

  const consider = (entry: Pinned, path: string): boolean => {
    looked++
    const found = entry.look()
    const isFolder = found.kind === "directory"
    if (found.device !== device || (isFolder && entry.mountId() !== mount)) {
      elsewhere = oneMore(elsewhere, entry.path)
      return false
    }
    if (found.kind === "other") {
      // A device that changes hands would give away a disk.
      special = oneMore(special, entry.path)
      return false
    }
    const to = changeOf(found, wanted, path === "")
    if (to === undefined) return isFolder
    if (found.kind === "file" && found.links > 1 && !hardLinks) {
      hardLinked = oneMore(hardLinked, entry.path)
      return false
    }
    const { inode, kind, uid, gid, mode } = found
    const change: PlannedChange = { path, inode, kind, from: { uid, gid, mode }, to }
    changes++
    hash.update(JSON.stringify(change))
    if (examples.length < MOST_EXAMPLES) examples.push(change)
    each(change)
    return isFolder
  }

  const below = function* (folder: Pinned, path: string, level: number): Steps<void> {
    if (level > MOST_LEVELS) throw tooDeep(folder)
    for (const name of folder.names()) {
      if (level === 1 && (foreignNames.has(name) || name === STORE_FOLDER)) continue
      const entry = folder.child(name)
      if (entry === undefined) continue
      try {
        const its = path === "" ? name : `${path}/${name}`
        if (consider(entry, its)) yield* below(entry, its, level + 1)
      } finally {
        entry.close()
      }
      if (looked % STEP === 0) yield looked
    }
  }

  if (consider(top, "") && recursive) yield* below(top, "", 1)
  return { looked, changes, examples, hardLinked, elsewhere, special, digest: hash.digest("hex") }
}

function tooDeep({ path }: Pinned): StorageError {
  return new StorageError("unsupported", `${path} lies deeper than any repository does`, {
    facts: { file: path },
    hint: "Look at what is in there; no engine nests its folders so.",
  })
}
