import { ageOf, type Clock, type PlaceView } from "../catalog/index.js"
import { RESTORE_LISTING_MAX_AGE_MS } from "../decision/index.js"
import type { Readiness } from "../http/index.js"
import { storeOf } from "./answerer.js"
import { type Fleet, type FleetRepository, isPerVolume, spotOf } from "./fleet.js"

export interface ReadinessParts {
  readonly clock: Clock
  readonly fleet: () => Fleet
  readonly view: (place: string) => PlaceView | undefined
  /** Why the members of a tree cannot be found; undefined: they can. Not looked at yet counts as a trouble. */
  readonly searchTrouble: (repository: FleetRepository) => string | undefined
  /** Why nothing of the store can be read now: a call into its filesystem does not come back. */
  readonly hang: (store: string) => { readonly message: string } | undefined
  /** The pin of a place says that another repository is there. */
  readonly isChanged: (place: string) => boolean
  /** What pins and ledger ever saw at a place: where something was, an empty place is a loss. */
  readonly everSeen: (place: string) => string | undefined
}

/**
 * Whether a cluster's restore repositories could be answered for now. Guards do not count: they never give `restore`. A listing
 * that takes long takes readiness from nobody: before the first one nobody is ready, and later the one before it counts until
 * it is too old. One call into the store's filesystem that does not come back does: nothing can be listed until it has.
 */
export class ClusterReadiness implements Readiness {
  readonly #parts: ReadinessParts

  constructor(parts: ReadinessParts) {
    this.#parts = parts
  }

  ready(cluster: string): { readonly ok: true } | { readonly ok: false; readonly error: string } {
    const restoring = this.#parts
      .fleet()
      .repositories.filter(({ entry }) => entry.cluster === cluster && entry.decides === "restore")
    if (restoring.length === 0)
      return { ok: false, error: `cluster ${cluster} has no repository to restore from` }
    for (const repository of restoring) {
      const trouble =
        this.#parts.hang(storeOf(repository))?.message ??
        (isPerVolume(repository) ? this.#parts.searchTrouble(repository) : this.#trouble(repository))
      if (trouble !== undefined)
        return { ok: false, error: `repository ${repository.entry.name}: ${trouble}` }
    }
    return { ok: true }
  }

  #trouble(repository: FleetRepository): string | undefined {
    const spot = spotOf(repository, anyVolume)
    const view = spot && this.#parts.view(spot.place)
    if (spot === undefined || view === undefined) return "not listed yet"
    const { trouble, generation } = view
    if (trouble?.kind === "fenced") return trouble.state.message
    if (trouble?.kind === "failed") {
      const isFirst =
        repository.entry.new &&
        trouble.empty &&
        this.#parts.everSeen(spot.place) === undefined &&
        (trouble.error.code === "missing" || trouble.error.code === "empty")
      return isFirst ? undefined : trouble.error.message
    }
    if (generation === undefined) return "not listed yet"
    if (this.#parts.isChanged(spot.place)) return "another repository is there than the pinned one"
    // A quiet repository is listed every quarter of an hour, and a question about it lists by itself.
    const old = ageOf(generation.begun, this.#parts.clock.now()) > QUIET_LISTING_MS
    return old ? "its newest listing is too old" : undefined
  }
}

const QUIET_LISTING_MS = 4 * RESTORE_LISTING_MAX_AGE_MS
const anyVolume = { namespace: "any", pvc: "any" }
