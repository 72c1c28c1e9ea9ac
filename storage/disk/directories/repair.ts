import type { DirectoryOwner } from "./create.js"
import { changeError, swapped } from "./failures.js"
import { JournalReader, JournalWriter, listRepairs, removeJournal, type RepairRecord } from "./journal.js"
import { safeParts } from "./names.js"
import { isSame, type Pinned } from "./pinned.js"
import { type PlannedChange, type PlannedRepair, planRepair, type RepairScope } from "./repair-plan.js"
import { type Counted, NONE, oneMore, STEP, type Steps } from "./steps.js"
import { closeWay, lastOf, openStore, openWay, type StoreRoot } from "./way.js"

export interface RepairRequest extends RepairScope {
  readonly store: StoreRoot
  /** Relative to the store. */
  readonly path: string
}

/** What a repair, or its undoing, came to. */
export interface RepairOutcome {
  readonly changed: number
  /** Not as planned any more, or gone: left alone. */
  readonly otherwise: Counted
}

/** What a repair would change. Changes nothing. Throws StorageError. */
export function* previewRepair(request: RepairRequest): Steps<PlannedRepair> {
  const way = openWay(request.store, partsOf(request.path))
  try {
    return yield* planRepair(lastOf(way), request)
  } finally {
    closeWay(way)
  }
}

/**
 * Gives a directory, and what lies below it where that is asked for, to whom it shall belong. All changes are written down before the
 * first is made. `agreed` is the digest of the plan that somebody saw; another one now is given back as `stale`, and nothing is changed.
 * Contents and names are never touched. Throws StorageError; then what was changed so far can be undone by `record.id`.
 */
export function* repairDirectory(
  request: RepairRequest,
  record: Omit<RepairRecord, "path" | "inode" | "recursive">,
  agreed: string,
): Steps<
  { readonly stale: true } | ({ readonly stale: false; readonly plan: PlannedRepair } & RepairOutcome)
> {
  const { path, recursive } = request
  const way = openWay(request.store, partsOf(path))
  try {
    const [top, { inode }] = [lastOf(way), lastOf(way).look()]
    const writer = new JournalWriter(way[0], { ...record, path, inode, recursive })
    let plan: PlannedRepair
    try {
      plan = yield* planRepair(top, request, (change) => {
        writer.add(change)
      })
      if (plan.digest !== agreed) return { stale: true }
      if (plan.changes > 0) writer.finish()
    } finally {
      writer.close()
    }
    if (plan.changes === 0) return { stale: false, plan, ...NOTHING }
    const journal = JournalReader.open(way[0], record.id)
    if (journal === undefined) throw swapped(`${way[0].path}/.cistern`)
    try {
      return { stale: false, plan, ...(yield* follow(top, journal, "forth")) }
    } finally {
      journal.close()
    }
  } finally {
    closeWay(way)
  }
}

/** Takes a repair back, whole or stopped half-way; undefined: there is none of that id. Throws StorageError. */
export function* undoRepair(
  store: StoreRoot,
  id: string,
): Steps<({ readonly record: RepairRecord } & RepairOutcome) | undefined> {
  const root = openStore(store)
  try {
    const journal = JournalReader.open(root, id)
    if (journal === undefined) return undefined
    try {
      const { record } = journal
      const way = openWay(store, partsOf(record.path))
      try {
        const top = lastOf(way)
        if (top.look().inode !== record.inode) throw swapped(top.path)
        const outcome = yield* follow(top, journal, "back")
        // What somebody else changed since may be changed back, and then this too.
        if (outcome.otherwise.count === 0) removeJournal(root, id)
        return { record, ...outcome }
      } finally {
        closeWay(way)
      }
    } finally {
      journal.close()
    }
  } finally {
    root.close()
  }
}

/** The repairs of a store that can be undone, the newest first. Throws StorageError. */
export function repairsOf(store: StoreRoot): RepairRecord[] {
  const root = openStore(store)
  try {
    return listRepairs(root)
  } finally {
    root.close()
  }
}

const NOTHING: RepairOutcome = { changed: 0, otherwise: NONE }

function partsOf(path: string): readonly string[] {
  return path === "" ? [] : safeParts(path)
}

function* follow(top: Pinned, journal: JournalReader, direction: "forth" | "back"): Steps<RepairOutcome> {
  const cursor = new Cursor(top)
  let [done, changed] = [0, 0]
  let otherwise = NONE
  try {
    for (const change of journal.changes()) {
      const result = cursor.change(change, direction)
      if (result === "changed") changed++
      if (result === "otherwise") otherwise = oneMore(otherwise, cursor.pathOf(change))
      if (++done % STEP === 0) yield done
    }
    return { changed, otherwise }
  } finally {
    cursor.close()
  }
}

/** Goes from change to change; the folders between the directory and the last one stay open. */
class Cursor {
  readonly #top: Pinned
  readonly #device: string
  readonly #mount: number
  readonly #open: { readonly name: string; readonly folder: Pinned }[] = []

  constructor(top: Pinned) {
    this.#top = top
    this.#device = top.look().device
    this.#mount = top.mountId()
  }

  pathOf({ path }: PlannedChange): string {
    return path === "" ? this.#top.path : `${this.#top.path}/${Buffer.from(path, "latin1").toString("utf8")}`
  }

  change(change: PlannedChange, direction: "forth" | "back"): "changed" | "already" | "otherwise" {
    const entry = this.#find(change.path)
    if (entry === undefined) return "otherwise"
    try {
      return apply(entry, change, direction, this.#device)
    } catch (cause) {
      throw changeError(cause, this.pathOf(change), "cannot be given its owner and mode")
    } finally {
      if (entry !== this.#top) entry.close()
    }
  }

  #find(path: string): Pinned | undefined {
    if (path === "") return this.#top
    const folders = path.split("/")
    const name = folders.pop() ?? ""
    return this.#folder(folders)?.child(name)
  }

  #folder(names: readonly string[]): Pinned | undefined {
    const common = this.#open.findIndex(({ name }, at) => name !== names[at])
    for (const { folder } of common < 0 ? this.#open.splice(names.length) : this.#open.splice(common))
      folder.close()
    for (const name of names.slice(this.#open.length)) {
      const folder = (this.#open.at(-1)?.folder ?? this.#top).child(name)
      if (folder === undefined) return undefined
      const { kind, device } = folder.look()
      if (kind !== "directory" || device !== this.#device || folder.mountId() !== this.#mount) {
        folder.close()
        return undefined
      }
      this.#open.push({ name, folder })
    }
    return this.#open.at(-1)?.folder ?? this.#top
  }

  close(): void {
    for (const { folder } of this.#open.splice(0)) folder.close()
  }
}

function apply(
  entry: Pinned,
  { inode, kind, from, to }: PlannedChange,
  direction: "forth" | "back",
  device: string,
): "changed" | "already" | "otherwise" {
  const found = entry.look()
  if (!isSame(found, { device, inode }) || found.kind !== kind) return "otherwise"
  const goal = direction === "forth" ? to : from
  if (isOf(found, goal)) return "already"
  // Stopped between its two calls it is half of each. Anything else, somebody else did meanwhile.
  const known = [from, to].some((one) => one.uid === found.uid && one.gid === found.gid)
  const modes = [from.mode, to.mode, from.mode & ~0o6000, to.mode & ~0o6000]
  if (!known || !modes.includes(found.mode)) return "otherwise"
  if (found.uid !== goal.uid || found.gid !== goal.gid) entry.chown(goal.uid, goal.gid)
  // After the owner, because that takes away set-uid and set-gid.
  if (kind !== "link" && entry.look().mode !== goal.mode) entry.chmod(goal.mode)
  return "changed"
}

function isOf(found: DirectoryOwner, { uid, gid, mode }: DirectoryOwner): boolean {
  return found.uid === uid && found.gid === gid && found.mode === mode
}
