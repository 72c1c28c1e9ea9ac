import { setTimeout as delay } from "node:timers/promises"
import type { FileCall } from "../../storage/blobs/index.js"
import {
  type AccountingPlan,
  enableAccounting,
  type FenceState,
  measureTree,
  type PlaceInStore,
  planAccounting,
  planQuota,
  type ProjectIds,
  type Quota,
  quotaOf,
  type QuotaPlan,
  setQuota,
  type StoreRoot,
  type SystemTree,
  systemTree,
  type TreeUse,
  type WantedLimit,
} from "../../storage/disk/index.js"
import { StorageError } from "../../storage/index.js"
import { mustHold } from "./must-hold.js"
import type { PlaceSpec } from "./messages.js"
import { type ErrorJson, errorToJson } from "./rpc.js"

type Fenced<Request> = Request & { readonly fences: PlaceSpec["fences"] }

export interface QuotaLook {
  readonly store: StoreRoot
  /** Relative to the store; "" is the store itself. */
  readonly path: string
  /** False: a NAS system is asked for the quota instead; only the directory is looked at. */
  readonly quota: boolean
  /** A limit of bytes of which it is to be told whether the filesystem could hold it there. */
  readonly holds: number | undefined
}

export type LookedQuota =
  | {
      readonly kind: "looked"
      readonly tree: SystemTree
      readonly quota: Quota | undefined
      /** Why the filesystem could not hold the limit; undefined: it could, or nobody asked. */
      readonly unheld: ErrorJson | undefined
    }
  | { readonly kind: "failed"; readonly error: ErrorJson }

export interface LimitRequest extends PlaceInStore {
  readonly wanted: WantedLimit
  readonly belowUse: boolean
  /** Takes in what lies there already, where the filesystem can. */
  readonly existing: boolean
}

/** What the thread of a store does about limits in it. Each throws StorageError. */
export interface QuotaMethods {
  lookAtQuota(look: QuotaLook): Promise<LookedQuota>
  /** Where a directory is, for a NAS system that limits it. */
  treeAt(request: Fenced<PlaceInStore>): Promise<SystemTree>
  planQuota(request: Fenced<LimitRequest>): Promise<QuotaPlan>
  setQuota(request: Fenced<LimitRequest>): Promise<Quota>
  planAccounting(request: Fenced<PlaceInStore>): Promise<AccountingPlan>
  enableAccounting(request: Fenced<PlaceInStore>): Promise<void>
  /** Undefined: it was stopped. `run`: how far it is can be asked by this name. */
  measureTree(request: Fenced<PlaceInStore & { readonly run: string }>): Promise<TreeUse | undefined>
  /** How many files and folders a walk has counted; undefined: there is no such walk. */
  measuredSoFar(run: string): Promise<number | undefined>
  /** False: there is no such walk. */
  stopMeasuring(run: string): Promise<boolean>
}

/** Of the time that a walk takes, so much it does nothing: movers and listings come first. */
const REST = 1
/** It works so long between two rests. */
const SPELL_MS = 20

/** Serves QuotaMethods. `fenceOf` says whether fences hold now. */
export function quotaMethods(
  during: FileCall,
  fenceOf: (fences: PlaceSpec["fences"]) => FenceState,
  projects: ProjectIds,
): QuotaMethods {
  const walks = new Map<string, { files: number; stopped: boolean }>()

  const fenced = async <T>(fences: PlaceSpec["fences"], act: () => Promise<T>): Promise<T> => {
    mustHold(fenceOf(fences))
    const result = await act()
    mustHold(fenceOf(fences))
    return result
  }
  const optionsOf = ({ belowUse, existing }: LimitRequest) => ({ belowUse, existing, projects, during })

  const look = async ({ store, path, quota, holds }: QuotaLook): Promise<LookedQuota> => {
    const place = { store, path }
    try {
      const tree = await systemTree(place, { during })
      if (!quota) return { kind: "looked", tree, quota: undefined, unheld: undefined }
      // That there is no program to ask, or no right to, is no reason not to know the directory.
      const found = await quotaOf(place, { during }).catch((error: unknown) => untold(tree, error))
      const asks = holds !== undefined && found.limitBytes !== holds
      const unheld = asks ? await whyUnheld(() => plan(place, holds)) : undefined
      return { kind: "looked", tree, quota: found, unheld }
    } catch (error) {
      if (error instanceof StorageError) return { kind: "failed", error: errorToJson(error) }
      throw error
    }
  }
  const plan = (place: PlaceInStore, bytes: number): Promise<QuotaPlan> =>
    planQuota(place, { bytes, files: "keep" }, { belowUse: true, existing: false, projects, during })

  return {
    lookAtQuota: look,
    treeAt: (request) => fenced(request.fences, () => systemTree(placeOf(request), { during })),
    planQuota: (request) =>
      fenced(request.fences, () => planQuota(placeOf(request), request.wanted, optionsOf(request))),
    setQuota: (request) =>
      fenced(request.fences, () => setQuota(placeOf(request), request.wanted, optionsOf(request))),
    planAccounting: (request) => fenced(request.fences, () => planAccounting(placeOf(request), { during })),
    enableAccounting: (request) =>
      fenced(request.fences, () => enableAccounting(placeOf(request), { during })),
    measureTree: async (request) => {
      const { fences, run } = request
      const walk = { files: 0, stopped: false }
      walks.set(run, walk)
      const steps = measureTree(placeOf(request))
      let rested = performance.now()
      try {
        for (;;) {
          mustHold(fenceOf(fences))
          const step = during(() => steps.next())
          if (step.done === true) {
            mustHold(fenceOf(fences))
            return step.value
          }
          walk.files = step.value
          const worked = performance.now() - rested
          if (worked < SPELL_MS) continue
          await delay(worked * REST)
          if (walk.stopped) return undefined
          rested = performance.now()
        }
      } finally {
        walks.delete(run)
        // What it holds open is closed.
        during(() => steps.return(undefined as never))
      }
    },
    measuredSoFar: async (run) => walks.get(run)?.files,
    stopMeasuring: async (run) => {
      const walk = walks.get(run)
      if (walk !== undefined) walk.stopped = true
      return walk !== undefined
    },
  }
}

/** A quota of which nothing is known but why. */
function untold({ realPath }: SystemTree, error: unknown): Quota {
  if (!(error instanceof StorageError)) throw error
  const { message, hint = "" } = error
  const unknown = { unknown: `${message}. ${hint}`.trim() }
  return {
    kind: "none",
    tree: realPath,
    enforced: false,
    limitBytes: unknown,
    usedBytes: unknown,
    limitFiles: unknown,
    usedFiles: unknown,
    source: "nobody",
    notices: [],
  }
}

function placeOf({ store, path }: PlaceInStore): PlaceInStore {
  return { store, path }
}

async function whyUnheld(plan: () => Promise<unknown>): Promise<ErrorJson | undefined> {
  try {
    await plan()
    return undefined
  } catch (error) {
    if (error instanceof StorageError) return errorToJson(error)
    throw error
  }
}
