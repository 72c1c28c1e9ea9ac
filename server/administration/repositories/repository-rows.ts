import { formatInstant } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume, storeOf } from "../../answers/index.js"
import {
  ageOf,
  type Catalog,
  type Clock,
  type Moment,
  type OpenStores,
  type PlaceView,
} from "../../catalog/index.js"
import { RESTORE_LISTING_MAX_AGE_MS } from "../../decision/index.js"
import type { RepositoryJson } from "../../http/contract/admin.js"
import type { FleetPlaces } from "./fleet-places.js"

/** A quiet repository is listed every quarter of an hour; one that was not listed for longer is not known to be well. */
const QUIET_LISTING_MS = 4 * RESTORE_LISTING_MAX_AGE_MS

export interface RepositoryRowsParts {
  readonly places: FleetPlaces
  readonly catalog: Pick<Catalog, "discovery"> & { readonly stores: Pick<OpenStores, "hang"> }
  readonly clock: Clock
}

/** What is shown of each declared repository. */
export class RepositoryRows {
  readonly #parts: RepositoryRowsParts

  constructor(parts: RepositoryRowsParts) {
    this.#parts = parts
  }

  row(repository: FleetRepository): RepositoryJson {
    const { entry, store, root } = repository
    const now = this.#parts.clock.now()
    const views = this.#parts.places.of(repository)
    const listed = views.filter(({ generation }) => generation !== undefined)
    const single = isPerVolume(repository) ? undefined : views[0]?.generation
    const summaries = listed.flatMap(({ generation }) => [...(generation?.identities.values() ?? [])])
    const begun = listed.flatMap(({ generation }) => generation?.begun.wall ?? [])
    const newest = summaries
      .flatMap(({ newestComplete }) => newestComplete?.start ?? [])
      .sort(compare)
      .at(-1)
    const known = summaries.length > 0 || listed.length > 0
    return {
      name: entry.name,
      cluster: entry.cluster,
      engine: entry.engine,
      store: store?.name ?? null,
      path: entry.place.kind === "store" && store !== undefined ? entry.place.path : root,
      decides: entry.decides,
      ...this.#stateOf(repository, views, now),
      places: {
        total: views.length,
        listed: listed.length,
        failed: views.filter(({ trouble }) => trouble !== undefined).length,
      },
      id: single?.header.repositoryId ?? null,
      formatVersion: single?.header.formatVersion ?? null,
      snapshots: known ? summaries.reduce((sum, { snapshots }) => sum + snapshots, 0) : null,
      incomplete: known
        ? summaries.reduce((sum, { snapshots, complete }) => sum + snapshots - complete, 0)
        : null,
      volumes: known ? (isPerVolume(repository) ? listed.length : summaries.length) : null,
      listedAt: begun.length === 0 ? null : new Date(Math.min(...begun)).toISOString(),
      newest: newest === undefined ? null : formatInstant(newest),
    }
  }

  #stateOf(
    repository: FleetRepository,
    views: readonly PlaceView[],
    now: Moment,
  ): Pick<RepositoryJson, "state" | "problem"> {
    const hang = this.#parts.catalog.stores.hang(storeOf(repository))
    if (hang !== undefined) {
      const { message, hint } = hang
      return { state: "failed", problem: { code: "store_hangs", message, hint } }
    }
    const troubles = views.flatMap(({ trouble }) => trouble ?? [])
    const fenced = troubles.find((trouble) => trouble.kind === "fenced")
    if (fenced?.kind === "fenced") {
      const { message, hint } = fenced.state
      return { state: "fenced", problem: { code: "store_fenced", message, hint } }
    }
    const failed = troubles.find((trouble) => trouble.kind === "failed")
    if (failed?.kind === "failed") {
      const { code, message, hint } = failed.error
      return { state: "failed", problem: { code, message, hint: hint ?? null } }
    }
    const search = this.#parts.catalog.discovery(repository.entry.name)?.trouble
    if (search !== undefined) {
      return {
        state: "failed",
        problem: { code: "unreadable", message: search, hint: "Check the path of the repositories." },
      }
    }
    const old = views.some(
      ({ generation }) => generation === undefined || ageOf(generation.begun, now) > QUIET_LISTING_MS,
    )
    return { state: old ? "unknown" : "ok", problem: null }
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
