import { setImmediate as turn } from "node:timers/promises"
import type { FileCall } from "../../storage/blobs/index.js"
import {
  createDirectory,
  type CradlePlan,
  type CreatedDirectory,
  type CreateRequest,
  type DirectoryLook,
  type FenceState,
  lookAtDirectory,
  lookBeforeRetiring,
  type LookRequest,
  type PlannedRepair,
  previewRepair,
  purgeDirectory,
  repairDirectory,
  type RepairOutcome,
  type RepairRecord,
  type RepairRequest,
  repairsOf,
  restoreDirectory,
  type RetirableDirectory,
  retireDirectory,
  type RetiredRecord,
  retiredIn,
  type RetireRequest,
  type Steps,
  type StoreRoot,
  undoRepair,
} from "../../storage/disk/index.js"
import { StorageError } from "../../storage/index.js"
import { mustHold } from "./must-hold.js"
import type { PlaceSpec } from "./messages.js"
import {
  createRepository,
  type NewRepository,
  type NewRepositoryRequest,
  planRepository,
} from "./new-repository.js"
import { type ErrorJson, errorToJson } from "./rpc.js"

/** Work on a store whose fences must hold, before it, during it and after it. */
type Fenced<Request> = Request & { readonly fences: PlaceSpec["fences"] }
/** Work that takes long: how far it is can be asked by this name. */
type Long<Request> = Fenced<Request> & { readonly run: string }

export type LookedAt =
  | { readonly kind: "looked"; readonly look: DirectoryLook }
  | { readonly kind: "failed"; readonly error: ErrorJson }

export interface RepairedDirectory extends RepairOutcome {
  readonly stale: false
  readonly plan: PlannedRepair
}

/** What the thread of a store does to its directories. Each throws StorageError. */
export interface DirectoryMethods {
  /** One for each, in the same order. */
  lookAtDirectories(looks: readonly LookRequest[]): Promise<readonly LookedAt[]>
  createDirectory(request: Fenced<CreateRequest>): Promise<readonly CreatedDirectory[]>
  previewRepair(request: Long<RepairRequest>): Promise<PlannedRepair>
  repairDirectory(
    request: Long<RepairRequest & { readonly record: RepairStamp; readonly agreed: string }>,
  ): Promise<{ readonly stale: true } | RepairedDirectory>
  repairs(store: StoreRoot): Promise<readonly RepairRecord[]>
  undoRepair(
    request: Long<{ readonly store: StoreRoot; readonly id: string }>,
  ): Promise<(RepairOutcome & { readonly record: RepairRecord }) | undefined>
  lookBeforeRetiring(request: {
    readonly store: StoreRoot
    readonly path: string
  }): Promise<RetirableDirectory>
  /** `after`: the fences that must hold when it is gone. */
  retireDirectory(
    request: Fenced<RetireRequest> & { readonly after: PlaceSpec["fences"] },
  ): Promise<RetiredRecord>
  retired(store: StoreRoot): Promise<ReturnType<typeof retiredIn>>
  restoreDirectory(
    request: Fenced<{ readonly store: StoreRoot; readonly id: string }>,
  ): Promise<RetiredRecord | undefined>
  purgeDirectory(
    request: Long<{ readonly store: StoreRoot; readonly id: string; readonly now: Date }>,
  ): Promise<{ readonly record: RetiredRecord; readonly deleted: number } | undefined>
  /** How a repository would be made at a path of the store. Changes nothing. */
  planRepository(request: { readonly store: StoreRoot; readonly path: string }): Promise<CradlePlan>
  /** Has the real engine make one. Takes as long as the engine does. */
  createRepository(request: Fenced<NewRepositoryRequest>): Promise<NewRepository>
  /** How many files a run is through; undefined: none of that name is under way. */
  progressOf(run: string): Promise<number | undefined>
}

export type RepairStamp = Pick<RepairRecord, "id" | "at" | "by">

/** Serves DirectoryMethods. `fenceOf` says whether fences hold now. */
export function directoryMethods(
  during: FileCall,
  fenceOf: (fences: PlaceSpec["fences"]) => FenceState,
): DirectoryMethods {
  const progress = new Map<string, number>()

  const once = <T>(fences: PlaceSpec["fences"], act: () => T, after = fences): T => {
    mustHold(fenceOf(fences))
    const result = during(act)
    mustHold(fenceOf(after))
    return result
  }

  const stepwise = async <T>(fences: PlaceSpec["fences"], run: string, steps: Steps<T>): Promise<T> => {
    progress.set(run, 0)
    try {
      for (;;) {
        mustHold(fenceOf(fences))
        const step = during(() => steps.next())
        if (step.done === true) {
          mustHold(fenceOf(fences))
          return step.value
        }
        progress.set(run, step.value)
        // Listings have their turn, and so has the question how far it is.
        await turn()
      }
    } finally {
      progress.delete(run)
      // Where it was stopped, what it holds open is closed.
      during(() => steps.return(undefined as never))
    }
  }

  return {
    lookAtDirectories: async (looks) => {
      const found: LookedAt[] = []
      for (const look of looks) {
        found.push(during(() => lookedAt(look)))
        await turn()
      }
      return found
    },
    createDirectory: async (request) => once(request.fences, () => createDirectory(request)),
    previewRepair: (request) => stepwise(request.fences, request.run, previewRepair(request)),
    repairDirectory: (request) => {
      const { fences, run, record, agreed } = request
      return stepwise(fences, run, repairDirectory(request, record, agreed))
    },
    repairs: async (store) => during(() => repairsOf(store)),
    undoRepair: ({ fences, run, store, id }) => stepwise(fences, run, undoRepair(store, id)),
    lookBeforeRetiring: async ({ store, path }) => during(() => lookBeforeRetiring(store, path)),
    retireDirectory: async (request) => once(request.fences, () => retireDirectory(request), request.after),
    retired: async (store) => during(() => retiredIn(store)),
    restoreDirectory: async ({ fences, store, id }) => once(fences, () => restoreDirectory(store, id)),
    purgeDirectory: ({ fences, run, store, id, now }) =>
      stepwise(fences, run, purgeDirectory(store, id, now)),
    planRepository: ({ store, path }) => planRepository(store, path, during),
    createRepository: (request) =>
      createRepository(request, during, () => {
        mustHold(fenceOf(request.fences))
      }),
    progressOf: async (run) => progress.get(run),
  }
}

function lookedAt(request: LookRequest): LookedAt {
  try {
    return { kind: "looked", look: lookAtDirectory(request) }
  } catch (error) {
    if (error instanceof StorageError) return { kind: "failed", error: errorToJson(error) }
    throw error
  }
}
