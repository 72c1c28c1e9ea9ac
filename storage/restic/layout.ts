import type { FileTree, TreeEntry, TreeListing } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Notice } from "../repository.js"
import { CONFIG_FILE } from "./config.js"
import { type Doubt, FolderView, isSame } from "./folder-view.js"
import { type HashNamedFolder, sortFolder, strayNotices } from "./hash-named.js"

const FOLDERS = ["keys", "snapshots", "index", "data", "locks"]
const OLD_FOLDERS = ["key", "snapshot", "lock"]
// What NAS systems put into every folder that they share. `tmp` is named in restic's own design and never made.
const NOBODYS = /^(lost\+found|@eaDir|#recycle|#snapshot|\.zfs|\.snapshots?|\.nfs.*|tmp)$/

/**
 * The names in a repository at one moment: everything but the packs. `snapshots` and `indexes` of two looks through one
 * LayoutView are the same arrays while nothing of them changes.
 */
export interface Layout {
  readonly config: TreeEntry
  readonly keys: readonly TreeEntry[]
  readonly snapshots: readonly TreeEntry[]
  readonly indexes: readonly TreeEntry[]
  readonly locks: readonly TreeEntry[]
  readonly hasData: boolean
  readonly notices: readonly Notice[]
}

/** Whether restic made this folder, or something that was a repository of restic before it was damaged. */
export async function looksLikeRestic(files: FileTree): Promise<boolean> {
  const { entries } = await files.list("")
  const has = (name: string, kind: TreeEntry["kind"]) =>
    entries.some((entry) => entry.name === name && entry.kind === kind)
  const folders = [...FOLDERS, ...OLD_FOLDERS].filter((name) => has(name, "directory"))
  return (has(CONFIG_FILE, "file") && folders.includes("keys")) || folders.length >= 3
}

/**
 * Looks at a repository's folders, and remembers between two looks what never changes. Throws what tells what is wrong with the place: `missing`, `unreadable`, `empty`,
 * `not_a_repository` (also: left by an init that was stopped), `unsupported` (the layout of restic before 0.7),
 * `corrupt` (config, keys or snapshots lost).
 */
export class LayoutView {
  readonly #snapshots = new FolderView("snapshots")
  readonly #indexes = new FolderView("index")

  async look(files: FileTree, doubt: Doubt): Promise<Layout> {
    const root = await files.list("")
    checkRoot(files, root)
    // A writer makes its lock, then index files, then the snapshot, and removes the lock last. Locks are listed before
    // snapshots, so that a backup is seen running or done; indexes after them, so that no snapshot seems to lack its own.
    const locks = await listFolder(files, "locks")
    const keys = await listFolder(files, "keys")
    const snapshots = await this.#snapshots.look(files, doubt)
    const indexes = await this.#indexes.look(files, doubt)
    const config = root.entries.find(({ name }) => name === CONFIG_FILE)
    if (config === undefined) throw await withoutConfig(files, { keys, snapshots })
    if (config.kind !== "file") {
      throw new StorageError("corrupt", "config is not a regular file", { facts: { file: CONFIG_FILE } })
    }
    if (keys === undefined || keys.files.length === 0) {
      throw new StorageError("corrupt", "no key file beside config: nobody can open this repository", {
        facts: { file: "keys" },
        hint: "Bring the folder keys back from another copy of the repository.",
      })
    }
    // restic makes this folder together with the repository. Where it is gone, its snapshots may be gone with it, and
    // "no snapshots" would be a guess.
    if (snapshots === undefined) {
      throw new StorageError("corrupt", "the folder snapshots is gone", {
        facts: { file: "snapshots" },
        hint: "Bring it back from another copy. If there really was no snapshot, make an empty folder.",
      })
    }
    const foreign = root.entries.map(({ name }) => name).filter((name) => !isKnown(name))
    return {
      config,
      keys: keys.files,
      snapshots: snapshots.files,
      indexes: indexes?.files ?? [],
      // A copy made without empty folders has none, and the next writer makes it.
      locks: locks?.files ?? [],
      hasData: root.entries.some(({ name, kind }) => name === "data" && kind === "directory"),
      notices: [
        ...strayNotices("", foreign, root.undecodableNames),
        ...[keys, snapshots, indexes, locks].flatMap((folder) => folder?.notices ?? []),
      ],
    }
  }
}

/**
 * True when nothing that the answer rests on changed between two looks through one LayoutView: config, keys, snapshots, that
 * there are data and an index, and what `besides` picks of its arrays. Locks come and go, and are read once.
 */
export function sameLayout(a: Layout, b: Layout, besides: (layout: Layout) => readonly TreeEntry[]): boolean {
  return (
    a.hasData === b.hasData &&
    a.indexes.length > 0 === b.indexes.length > 0 &&
    a.snapshots === b.snapshots &&
    besides(a) === besides(b) &&
    sameEntries([a.config, ...a.keys], [b.config, ...b.keys])
  )
}

function sameEntries(before: readonly TreeEntry[], after: readonly TreeEntry[]): boolean {
  return (
    before.length === after.length &&
    before.every((entry, at) => {
      const other = after[at]
      return other !== undefined && isSame(entry, other)
    })
  )
}

function checkRoot(files: FileTree, root: TreeListing): void {
  const names = new Set(root.entries.map(({ name }) => name))
  if ([...names].every((name) => NOBODYS.test(name)) && root.undecodableNames === 0) {
    throw new StorageError("empty", `${files.location} is empty`)
  }
  if (names.has("key") && !names.has("keys")) {
    throw new StorageError("unsupported", "the layout that restic before 0.7 used on S3 (s3legacy)", {
      facts: { file: "key" },
      hint: "Run `restic migrate s3_layout` with restic 0.16.",
    })
  }
  if (!names.has(CONFIG_FILE) && !FOLDERS.some((name) => names.has(name))) {
    throw new StorageError("not_a_repository", `${files.location} holds nothing of restic's`)
  }
}

async function withoutConfig(
  files: FileTree,
  folders: { keys: HashNamedFolder | undefined; snapshots: HashNamedFolder | undefined },
): Promise<StorageError> {
  const { keys, snapshots } = folders
  if ([keys, snapshots].some((folder) => (folder?.files.length ?? 0) > 0) || (await holdsPacks(files))) {
    return new StorageError("corrupt", "config is gone, beside keys or data of a repository", {
      facts: { file: CONFIG_FILE },
      hint: "Bring this file back from another copy of the repository; without it nothing can be restored.",
    })
  }
  return new StorageError(
    "not_a_repository",
    "restic's empty folders without config and key: an init was stopped",
    {
      hint: "Look whether this is the right place; then run `restic init` there again.",
    },
  )
}

async function holdsPacks(files: FileTree): Promise<boolean> {
  const folders = (await listOrNothing(files, "data"))?.entries ?? []
  for (const { name, kind } of folders) {
    if (kind === "file") return true
    if (((await listOrNothing(files, `data/${name}`))?.entries.length ?? 0) > 0) return true
  }
  return false
}

async function listFolder(files: FileTree, folder: string): Promise<HashNamedFolder | undefined> {
  const listing = await listOrNothing(files, folder)
  return listing === undefined ? undefined : sortFolder(folder, listing)
}

async function listOrNothing(files: FileTree, folder: string): Promise<TreeListing | undefined> {
  try {
    return await files.list(folder)
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing") return undefined
    throw error
  }
}

function isKnown(name: string): boolean {
  return name === CONFIG_FILE || FOLDERS.includes(name) || NOBODYS.test(name)
}
