import type { FileTree, TreeEntry } from "./blobs/index.js"
import { StorageError } from "./errors.js"
import { looksLikeKopia, openKopia } from "./kopia/index.js"
import type { Engine, OpenOptions, Repository } from "./repository.js"
import { looksLikeRestic, openRestic } from "./restic/index.js"

/**
 * Looks at a place and opens what is there. With `engine`, a place of the other engine is refused, and what is wrong with
 * one that bears no engine's marks is left to that engine to say, at the first `list`. The place is looked at again before
 * each listing, because a second repository may have come since.
 *
 * Throws StorageError `missing`, `unreadable`, `io`; without `engine` also `empty` and `not_a_repository`; in any case
 * `two_repositories`.
 */
export async function openRepository(
  options: OpenOptions & { readonly engine?: Engine },
): Promise<Repository> {
  const { engine: wanted, ...rest } = options
  const found = await recognise(options.files, wanted)
  const engine = found ?? wanted
  if (engine === undefined) throw await unrecognised(options.files)
  const repository = engine === "kopia" ? openKopia(rest) : openRestic(rest)
  return {
    engine,
    location: repository.location,
    watchedFolders: () => repository.watchedFolders(),
    openContents: async (how) => {
      await recognise(options.files, engine)
      return repository.openContents(how)
    },
    proofOf: (file, how) => repository.proofOf(file, how),
    list: async (how) => {
      await recognise(options.files, engine)
      return repository.list(how)
    },
  }
}

/** The engine whose marks a place bears; undefined for none. Throws `two_repositories`, or that it is not what was wanted. */
async function recognise(files: FileTree, wanted: Engine | undefined): Promise<Engine | undefined> {
  const root = await files.list("")
  const engine = await engineAt(withRoot(files, root.entries), files.location)
  if (engine === undefined) return undefined
  if (wanted !== undefined && wanted !== engine) {
    throw new StorageError(
      "not_a_repository",
      `${files.location} is a ${engine} repository, not a ${wanted} one`,
      {
        facts: { engine, wanted },
        hint: "Declare the engine that wrote it, or correct the path.",
      },
    )
  }
  const below = await repositoriesIn(files, root.entries.filter(isForeign), 1)
  if (below[0] !== undefined) {
    throw new StorageError(
      "two_repositories",
      `${files.location} is a ${engine} repository, and ${below[0]} in it is another one`,
      {
        facts: { file: below[0] },
        hint: "Find out which of the two the movers use now, and move the other one elsewhere.",
      },
    )
  }
  return engine
}

async function engineAt(files: FileTree, location: string): Promise<Engine | undefined> {
  const [kopia, restic] = [await looksLikeKopia(files), await looksLikeRestic(files)]
  if (kopia && restic) {
    throw new StorageError("two_repositories", `${location} holds a Kopia and a restic repository, mixed`, {
      hint: "Find out which of the two the movers use now, and move the files of the other one elsewhere.",
    })
  }
  if (kopia) return "kopia"
  return restic ? "restic" : undefined
}

/** The same tree, with its root listed already. */
function withRoot(files: FileTree, entries: readonly TreeEntry[]): FileTree {
  return {
    location: files.location,
    list: (folder) =>
      folder === "" ? Promise.resolve({ entries, undecodableNames: 0 }) : files.list(folder),
    names: (folder) => files.names(folder),
    read: (path, maxLength) => files.read(path, maxLength),
    readRange: (path, offset, length) => files.readRange(path, offset, length),
    stat: (path) => files.stat(path),
  }
}

const resticFolders = new Set(["keys", "snapshots", "index", "data", "locks"])

/** Whether an engine would not have made this folder: Kopia's own are at most three characters long. */
function isForeign({ name, kind }: TreeEntry): boolean {
  return kind === "directory" && name.length > 3 && !resticFolders.has(name) && !isNobodys(name)
}

/** What filesystems and NAS systems put into any directory (design, "The first backup"). */
function isNobodys(name: string): boolean {
  return /^(lost\+found|@eaDir|#recycle|#snapshot|\.zfs|\.snapshots?|\.nfs.*)$/.test(name)
}

async function unrecognised(files: FileTree): Promise<StorageError> {
  const { entries, undecodableNames } = await files.list("")
  if (undecodableNames === 0 && entries.every(({ name }) => isNobodys(name))) {
    return new StorageError("empty", `${files.location} is empty`, {
      hint: "Check the path, and that the filesystem is mounted.",
    })
  }
  const folders = entries.filter(({ kind, name }) => kind === "directory" && !isNobodys(name))
  const below = await repositoriesIn(files, folders, 2)
  return new StorageError(
    "not_a_repository",
    `${files.location} is neither a Kopia nor a restic repository`,
    {
      facts: { below: below.length },
      hint:
        below.length === 0
          ? "Check the path: it is the directory that holds kopia.repository.f, or restic's config and keys."
          : `Repositories lie below it, name one of them: ${below.slice(0, 5).join(", ")}${below.length > 5 ? ", …" : ""}`,
    },
  )
}

/** At most this many folders are looked into, so that a wrong path on a slow disk does not take minutes. */
const mostFolders = 400

/** Folders that bear an engine's marks, `levels` deep, as far as they can be read. */
async function repositoriesIn(
  files: FileTree,
  folders: readonly TreeEntry[],
  levels: number,
  above = "",
): Promise<string[]> {
  const found: string[] = []
  for (const { name } of folders.slice(0, mostFolders)) {
    const path = above + name
    const entries = await listed(files, path)
    const here = withRoot(files, entries)
    if ((await looksLikeKopia(here)) || (await looksLikeRestic(here))) found.push(path)
    else if (levels > 1) {
      const deeper = entries.filter(({ kind, name: inner }) => kind === "directory" && !isNobodys(inner))
      found.push(...(await repositoriesIn(files, deeper, levels - 1, path + "/")))
    }
    if (found.length > 5) break
  }
  return found
}

async function listed(files: FileTree, folder: string): Promise<readonly TreeEntry[]> {
  try {
    return (await files.list(folder)).entries
  } catch (error) {
    // A folder that may not be read cannot be shown to be a repository, and what is at the place itself stands for itself.
    if (error instanceof StorageError) return []
    throw error
  }
}
