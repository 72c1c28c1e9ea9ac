import { DirectoryTree, type FileCall } from "../../storage/blobs/index.js"
import {
  Cradle,
  createDirectory,
  type CradlePlan,
  type CreateRequest,
  isInProject,
  planCradle,
  sampleOwnership,
  type StoreRoot,
} from "../../storage/disk/index.js"
import { copyTree, GIVEN_REPOSITORY, runEngine, syncFilesystem } from "../../storage/host/index.js"
import {
  type Engine,
  newRepositoryCommand,
  openRepository,
  Secret,
  StorageError,
} from "../../storage/index.js"

/** What a repository is that was made just now: as its first listing tells it, which no mover could change before. */
export interface NewRepository {
  readonly engine: Engine
  readonly repositoryId: string
  readonly fingerprint: string
  readonly formatVersion: number
}

export interface NewRepositoryRequest extends CreateRequest {
  readonly engine: Engine
  readonly program: string
  /** The password's text. It crosses to a thread of this process, and from there to the engine. */
  readonly password: string
  /** As it was planned. */
  readonly kind: CradlePlan["kind"]
  /** Names what is in the making. */
  readonly id: string
}

/** Of a new repository all files are looked at. */
const MOST_FILES = 1_000
const SET_GID = 0o2000

/** How a repository would be made. Changes nothing. Throws StorageError. */
export async function planRepository(store: StoreRoot, path: string, during: FileCall): Promise<CradlePlan> {
  const plan = during(() => planCradle(store, path))
  if (plan.kind === "in_place" || !(await isInProject(plan.at))) return plan
  return { ...plan, kind: "in_place", why: `${plan.at} belongs to a project, for a quota` }
}

/**
 * Has the real engine make a repository, reads it back natively, and only then puts it in its place. Where that cannot be, the engine works
 * in the place itself. `check` throws when the store is not the store any more. Throws StorageError; then the place is empty, or, where it
 * was made in its place, the error names what is left.
 */
export async function createRepository(
  request: NewRepositoryRequest,
  during: FileCall,
  check: () => void,
): Promise<NewRepository> {
  const { store, path, owner, engine, program, password, kind, id } = request
  const plan = await planRepository(store, path, during)
  if (plan.kind !== kind) {
    throw new StorageError("unstable", `${plan.at} is not what it was when this was planned`, {
      hint: "Look at it, and try again.",
    })
  }
  if (plan.found === undefined) during(() => createDirectory({ store, path, owner }))
  const cradle = during(() => Cradle.open({ store, path, kind }, id))
  try {
    if (kind === "aside") {
      // Owner, mode and whatever access control list somebody gave the directory that is there.
      await copyTree(cradle.place, cradle.directory)
      during(() => {
        cradle.refuseOther()
      })
    }
    check()
    const { directory } = cradle
    await runEngine({
      program,
      user: { uid: owner.uid, gid: owner.gid },
      repository: directory,
      command: (home) =>
        newRepositoryCommand(engine, { repository: GIVEN_REPOSITORY, home, password: new Secret(password) }),
    })
    check()
    const made = await readBack(request, directory.path, during)
    await syncFilesystem(directory)
    check()
    during(() => {
      cradle.settle()
    })
    check()
    return made
  } catch (error) {
    throw leftBehind(
      error,
      cradle.place.path,
      during(() => cradle.discard()),
    )
  } finally {
    during(() => {
      cradle.close()
    })
  }
}

/** By our own reader: what it cannot open or what is not new and empty is not put anywhere. */
async function readBack(
  { engine, program, password, owner }: NewRepositoryRequest,
  directory: string,
  during: FileCall,
): Promise<NewRepository> {
  const repository = await openRepository({
    files: new DirectoryTree(directory, during),
    password: new Secret(password),
    engine,
  })
  const { repositoryId, fingerprint, formatVersion, depth, snapshotCount } = await repository
    .list()
    .catch((error: unknown) => {
      throw notThere(error, engine, program)
    })
  if (depth !== "contents" || snapshotCount > 0 || repositoryId === "") {
    throw new StorageError("unstable", `what lies in ${directory} is not a new, empty repository`, {
      hint: "Somebody writes there. Look at what it is.",
    })
  }
  const sample = during(() => sampleOwnership(directory, MOST_FILES))
  // In a directory with set-gid, what movers write gets its group, too.
  const gid = (sample.mode & SET_GID) === 0 ? owner.gid : sample.gid
  const other = sample.owners
    .filter(({ count, example }) => count > 1 || example !== directory)
    .find((one) => one.uid !== owner.uid || one.gid !== gid)
  if (other !== undefined) {
    throw new StorageError(
      "unsupported",
      `the filesystem gave what ${owner.uid}:${owner.gid} wrote to ${other.uid}:${other.gid}, such as ${other.example}`,
      { hint: "The store is mounted from a server that squashes users: make the repository there." },
    )
  }
  return { engine, repositoryId, fingerprint, formatVersion }
}

/** An exit code of 0 proves nothing. */
function notThere(error: unknown, engine: Engine, program: string): unknown {
  if (!(error instanceof StorageError) || (error.code !== "missing" && error.code !== "empty")) return error
  return new StorageError("unsupported", `${program} ended well, and there is no ${engine} repository`, {
    facts: { program },
    hint: "Check which program it is, and run it by hand.",
    cause: error,
  })
}

/** What the engine left in a place that it worked in. It may be another's by now: nobody but a person deletes it. */
function leftBehind(error: unknown, place: string, names: readonly string[]): unknown {
  if (!(error instanceof StorageError) || names.length === 0) return error
  const { code, message, facts } = error
  const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "")
  return new StorageError(code, `${message}; in ${place} is left: ${shown}`, {
    facts,
    hint: `${error.hint ?? ""} No repository can be made there before the place is empty again: look at what is left, and move it away.`.trim(),
    cause: error,
  })
}
