import { lstatSync } from "node:fs"
import { dirname, join } from "node:path"
import { DirectoryTree, type FileCall } from "../../storage/blobs/index.js"
import {
  type FenceState,
  type FilesystemSnapshot,
  type FilesystemSnapshots,
  filesystemSnapshots,
  pathIn,
  rollBack,
  type RollBackPlan,
  rollBackPlan,
  type RolledBack,
  settleRollBack,
  type SnapshotPlace,
  type UnfinishedRollBack,
  unfinishedRollBacks,
} from "../../storage/disk/index.js"
import { type Engine, openRepository, Secret, type Snapshot, StorageError } from "../../storage/index.js"
import type { PlaceSpec } from "./messages.js"
import type { Pulse } from "./pulse.js"
import { type ErrorJson, errorToJson } from "./rpc.js"
import { placeOf, type SnapshotScope, type SnapshotTree, treesOf } from "./snapshot-trees.js"

type Fenced<Request> = Request & { readonly fences: PlaceSpec["fences"] }

/** One filesystem snapshot, by its name and what it is of, relative to the store. */
export interface NamedSnapshot extends SnapshotScope {
  readonly of: string
  readonly name: string
  /** For what a NAS system made: where it shows it in the store's directory, relative to that. */
  readonly shownAt?: string
}

/** What lies in a store of one subvolume or dataset. */
export interface TreeSnapshots extends SnapshotTree {
  /** Empty where none can be made. */
  readonly snapshots: readonly FilesystemSnapshot[]
}

export type MadeSnapshot = { readonly of: string } & (
  | { readonly kind: "made"; readonly snapshot: FilesystemSnapshot }
  | { readonly kind: "failed"; readonly error: ErrorJson }
)

/** A repository as a filesystem snapshot holds it. */
export interface RepositoryThen {
  readonly path: string
  readonly engine: Engine
  readonly id: string
  readonly formatVersion: number | undefined
  readonly snapshots: readonly Snapshot[]
}

/** What the thread of a store does with its filesystem snapshots. Each throws StorageError. */
export interface FilesystemSnapshotMethods {
  filesystemSnapshots(scope: SnapshotScope): Promise<readonly TreeSnapshots[]>
  /** One for each subvolume or dataset of which they can be made. */
  makeFilesystemSnapshots(
    request: Fenced<SnapshotScope & { readonly reason: string; readonly hold?: string; readonly now: Date }>,
  ): Promise<readonly MadeSnapshot[]>
  holdFilesystemSnapshot(request: Fenced<NamedSnapshot & { readonly holder: string }>): Promise<void>
  releaseFilesystemSnapshot(request: Fenced<NamedSnapshot & { readonly holder: string }>): Promise<void>
  removeFilesystemSnapshot(request: Fenced<NamedSnapshot>): Promise<void>
  /** What lay at `directory`, an absolute path in the store. */
  repositoryThen(
    request: NamedSnapshot & {
      readonly directory: string
      readonly engine: Engine | undefined
      readonly password: string | undefined
    },
  ): Promise<RepositoryThen>
  planRollBack(request: NamedSnapshot & { readonly directory: string }): Promise<RollBackPlan>
  /** `run`: under this name the other side is told before the exchange. */
  rollBackDirectory(
    request: Fenced<NamedSnapshot & { readonly directory: string; readonly run: string; readonly now: Date }>,
  ): Promise<RolledBack>
  unfinishedRollBacks(store: string): Promise<readonly UnfinishedRollBack[]>
  settleRollBack(request: Fenced<{ readonly store: string; readonly id: string }>): Promise<void>
}

export interface FilesystemSnapshotParts {
  readonly pulse: Pick<Pulse, "during" | "throughout">
  /** Whether fences hold now. */
  readonly fenceOf: (fences: PlaceSpec["fences"]) => FenceState
  /** Comes back when clients are kept out. */
  readonly beforeExchange: (run: string) => Promise<void>
}

/** The hold of a roll back that reads from one. */
export const ROLL_BACK_HOLD = "roll-back"

/** Serves FilesystemSnapshotMethods. */
export function filesystemSnapshotMethods({
  pulse,
  fenceOf,
  beforeExchange,
}: FilesystemSnapshotParts): FilesystemSnapshotMethods {
  const { throughout } = pulse
  const fenced =
    <Request extends Fenced<object>, T>(work: (request: Request) => Promise<T>) =>
    async (request: Request): Promise<T> => {
      mustHold(fenceOf(request.fences))
      const result = await throughout(() => work(request))
      mustHold(fenceOf(request.fences))
      return result
    }
  return {
    filesystemSnapshots: (scope) => throughout(() => listed(scope)),
    makeFilesystemSnapshots: fenced((request) => made(request)),
    holdFilesystemSnapshot: fenced(({ holder, name, ...place }) => listOf(place).hold(name, holder)),
    releaseFilesystemSnapshot: fenced(({ holder, name, ...place }) => listOf(place).release(name, holder)),
    removeFilesystemSnapshot: fenced(({ name, ...place }) => listOf(place).remove(name)),
    repositoryThen: (request) => throughout(() => repositoryThen(request, pulse.during)),
    planRollBack: (request) =>
      throughout(async () => {
        const { place, snapshot } = await found(request)
        return rollBackPlan(place, snapshot, request.directory)
      }),
    rollBackDirectory: fenced(async (request) => {
      const { place, list, snapshot } = await found(request)
      await list?.hold(snapshot.name, ROLL_BACK_HOLD)
      try {
        return await rollBack(place, snapshot, request.directory, {
          now: request.now,
          beforeExchange: async () => {
            await beforeExchange(request.run)
            mustHold(fenceOf(request.fences))
          },
        })
      } finally {
        await list?.release(snapshot.name, ROLL_BACK_HOLD)
      }
    }),
    unfinishedRollBacks: (store) => throughout(() => unfinishedRollBacks(store)),
    settleRollBack: fenced(({ store, id }) => settleRollBack(store, id)),
  }
}

async function listed(scope: SnapshotScope): Promise<readonly TreeSnapshots[]> {
  const trees: TreeSnapshots[] = []
  for (const tree of await treesOf(scope)) {
    const { answer } = tree
    trees.push({
      ...tree,
      snapshots: answer.possible ? await filesystemSnapshots(answer.place).list() : [],
    })
  }
  return trees
}

async function made({
  reason,
  hold,
  now,
  ...scope
}: SnapshotScope & {
  readonly reason: string
  readonly hold?: string
  readonly now: Date
}): Promise<readonly MadeSnapshot[]> {
  const results: MadeSnapshot[] = []
  for (const { of, answer } of await treesOf(scope)) {
    if (!answer.possible) {
      const { message, hint } = answer
      results.push({ of, kind: "failed", error: { code: "unsupported", message, hint, facts: {} } })
      continue
    }
    try {
      const wanted = { reason, now, ...(hold === undefined ? {} : { hold }) }
      results.push({ of, kind: "made", snapshot: await filesystemSnapshots(answer.place).create(wanted) })
    } catch (error) {
      // A reason that can be no name is wrong for all of them.
      if (!(error instanceof StorageError) || error.code === "invalid") throw error
      results.push({ of, kind: "failed", error: errorToJson(error) })
    }
  }
  return results
}

function listOf(place: SnapshotScope & { readonly of: string }): FilesystemSnapshots {
  return filesystemSnapshots(placeOf(place))
}

interface Found {
  readonly place: SnapshotPlace
  readonly snapshot: FilesystemSnapshot
  /** Undefined for what a NAS system made: that is held and removed by its own interface. */
  readonly list: FilesystemSnapshots | undefined
}

async function found(request: NamedSnapshot): Promise<Found> {
  if (request.shownAt !== undefined) return shown(request, request.shownAt)
  const list = listOf(request)
  const snapshot = (await list.list()).find(({ name }) => name === request.name)
  if (snapshot !== undefined) return { place: list.place, snapshot, list }
  throw new StorageError("missing", `there is no filesystem snapshot ${request.name}`, {
    facts: { name: request.name },
    hint: "`cistern filesystem-snapshots` lists them.",
  })
}

function shown({ store, of, name }: NamedSnapshot, shownAt: string): Found {
  const path = join(store, shownAt)
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StorageError(
      "unsupported",
      `${name} is not shown at ${path}, so that nothing of it can be read`,
      {
        facts: { name, path },
        hint: "Clone or restore it in the NAS system's own interface. On TrueNAS the store has to be the root of its dataset, on DSM the shared folder must show its snapshots (Snapshot Replication > Settings).",
      },
    )
  }
  const place: SnapshotPlace = {
    kind: "zfs",
    dataset: of,
    store,
    tree: store,
    folder: dirname(path),
    notices: [],
  }
  const nothing = { reason: undefined, expiresAt: undefined, holds: [], createdAt: 0 } as const
  const ownBytes = { unknown: "the system does not say it" }
  return {
    place,
    snapshot: { ...nothing, name, ours: true, path, state: "whole", ownBytes },
    list: undefined,
  }
}

async function repositoryThen(
  request: Parameters<FilesystemSnapshotMethods["repositoryThen"]>[0],
  during: FileCall,
): Promise<RepositoryThen> {
  const { directory, engine, password } = request
  const { place, snapshot } = await found(request)
  const path = pathIn(place, snapshot, directory)
  const repository = await openRepository({
    files: new DirectoryTree(path, during),
    password: password === undefined ? undefined : new Secret(password),
    ...(engine === undefined ? {} : { engine }),
  })
  const listing = await repository.list()
  return {
    path,
    engine: listing.engine,
    id: listing.repositoryId,
    formatVersion: listing.depth === "names" ? undefined : listing.formatVersion,
    snapshots: listing.snapshots,
  }
}

function mustHold(state: FenceState): void {
  if (state.kind === "holds") return
  throw new StorageError("unreadable", state.message, { facts: { fence: state.code }, hint: state.hint })
}
