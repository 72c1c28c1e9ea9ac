import { join } from "node:path"
import { DirectoryTree, type FileTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Instant } from "../instant.js"
import { formatIdentity } from "../identity/index.js"
import { type KopiaHead, readKopiaHead } from "../kopia/index.js"
import { openRepository } from "../open.js"
import type { Engine, Listing, Repository } from "../repository.js"
import type { Secret } from "../secret.js"
import type { FoundRepository } from "./survey.js"

/** What could be learned of one repository. */
export interface RepositoryContents {
  readonly path: string
  readonly engine: Engine
  /** Kopia's also without its password. */
  readonly id: string | undefined
  readonly formatVersion: number | undefined
  /** Kopia only. */
  readonly layout: KopiaHead["layout"] | undefined
  /** Which of the passwords opens it, by its place among them. */
  readonly password: number | undefined
  /** `names`: restic without its password. Undefined where it could not be listed. */
  readonly depth: Listing["depth"] | undefined
  /** Undefined where it could not be listed. */
  readonly snapshots: number | undefined
  /** Start of the newest complete snapshot; without restic's password the time of its file. */
  readonly newest: Instant | undefined
  /** Kopia only, and with its password. */
  readonly identities: readonly IdentityCount[]
  /** Why it could not be opened or listed. */
  readonly error: StorageError | undefined
}

export interface IdentityCount {
  readonly identity: { readonly user: string; readonly host: string; readonly path: string }
  readonly snapshots: number
  readonly newest: Instant | undefined
}

/**
 * Opens a repository with the first password that fits, and lists it. Never throws for what is wrong with the place: that is in
 * `error`.
 */
export async function readContents(
  top: string,
  found: FoundRepository,
  passwords: readonly Secret[],
): Promise<RepositoryContents> {
  const directory = found.path === "" ? top : join(top, found.path)
  const nothing = { ...unopened(found), error: refusalOf(found, directory) }
  if (nothing.error !== undefined) return nothing
  const files = new DirectoryTree(directory, (call) => call(), { leaveAccessTimes: true })
  const head = nothing.engine === "kopia" ? await headOf(files) : undefined
  const known = { ...nothing, id: head?.repositoryId, layout: head?.layout }
  try {
    const { listing, password } = await listWithAny(files, nothing.engine, passwords)
    return { ...known, ...summaryOf(listing), password }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return { ...known, ...(await namesWithout(files, nothing.engine, error)), error }
  }
}

/** What is known of a repository that nobody looked into. */
export function unopened({ path, engines }: FoundRepository): RepositoryContents {
  return {
    path,
    engine: engines[0],
    id: undefined,
    formatVersion: undefined,
    layout: undefined,
    password: undefined,
    depth: undefined,
    snapshots: undefined,
    newest: undefined,
    identities: [],
    error: undefined,
  }
}

function refusalOf({ engines, irregular }: FoundRepository, directory: string): StorageError | undefined {
  if (irregular !== undefined) {
    return new StorageError("corrupt", `${directory}/${irregular} is not a regular file and was not opened`, {
      facts: { file: irregular },
      hint: "Look at what is in its place; the engines write a regular file there.",
    })
  }
  if (engines.length === 1) return undefined
  return new StorageError("two_repositories", `${directory} holds a Kopia and a restic repository, mixed`, {
    hint: "Find out which of the two the movers use now, and move the files of the other one elsewhere.",
  })
}

/** Undefined where it cannot be read: the listing says why. */
async function headOf(files: FileTree): Promise<KopiaHead | undefined> {
  try {
    return await readKopiaHead(files)
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

async function listWithAny(
  files: FileTree,
  engine: Engine,
  passwords: readonly Secret[],
): Promise<{ listing: Listing; password: number | undefined }> {
  const open = (password: Secret | undefined): Promise<Repository> =>
    openRepository({ files, engine, password })
  if (passwords.length === 0) {
    return { listing: await (await open(undefined)).list(), password: undefined }
  }
  let wrong: StorageError | undefined
  for (const [at, password] of passwords.entries()) {
    try {
      return { listing: await (await open(password)).list(), password: at }
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "wrong_password") throw error
      wrong = error
    }
  }
  throw wrong ?? new RangeError("no password was tried")
}

/** A restic repository that no password opens still shows how many snapshots there are, and of when. */
async function namesWithout(
  files: FileTree,
  engine: Engine,
  { code }: StorageError,
): Promise<Partial<RepositoryContents>> {
  if (engine !== "restic" || code !== "wrong_password") return {}
  try {
    const { listing } = await listWithAny(files, engine, [])
    return summaryOf(listing)
  } catch (error) {
    if (error instanceof StorageError) return {}
    throw error
  }
}

function summaryOf(
  listing: Listing,
): Pick<RepositoryContents, "depth" | "snapshots" | "newest" | "identities"> &
  Partial<Pick<RepositoryContents, "id" | "formatVersion">> {
  const counts = listing.sources.map((group): IdentityCount => {
    const { user, host, paths } = group.source
    const all = group.snapshots()
    return {
      identity: { user, host, path: paths[0] ?? "" },
      snapshots: all.length,
      newest: latest(all.map(({ start, incomplete }) => (incomplete === undefined ? start : undefined))),
    }
  })
  return {
    ...(listing.repositoryId === "" ? {} : { id: listing.repositoryId }),
    ...(listing.depth === "names" ? {} : { formatVersion: listing.formatVersion }),
    depth: listing.depth,
    snapshots: listing.snapshotCount,
    newest: latest(counts.map(({ newest }) => newest)),
    identities: listing.engine === "kopia" ? counts.sort(byName) : [],
  }
}

function latest(instants: readonly (Instant | undefined)[]): Instant | undefined {
  return instants.reduce(
    (newest, instant) =>
      instant !== undefined && (newest === undefined || instant > newest) ? instant : newest,
    undefined,
  )
}

function byName(one: IdentityCount, other: IdentityCount): number {
  return formatIdentity(one.identity) < formatIdentity(other.identity) ? -1 : 1
}
