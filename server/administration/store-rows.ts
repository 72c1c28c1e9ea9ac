import type { FenceState } from "../../storage/disk/index.js"
import type { Catalog, Hang } from "../catalog/index.js"
import type { StoreEntry } from "../config/index.js"
import type { StoreJson } from "../http/contract/admin.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import { soon } from "./soon.js"
import type { StoreFences } from "./store-fences.js"

export interface StoreRowsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly storeFences: StoreFences
}

/** What is shown of each declared store. */
export class StoreRows {
  readonly #parts: StoreRowsParts

  constructor(parts: StoreRowsParts) {
    this.#parts = parts
  }

  rows(): Promise<StoreJson[]> {
    const { stores } = this.#parts.keeper.fleet.document
    return Promise.all(stores.map((store) => this.row(store)))
  }

  async row(store: StoreEntry): Promise<StoreJson> {
    const { catalog, keeper, storeFences } = this.#parts
    const fences = storeFences.of(store)
    const hang = catalog.stores.hang(store.name)
    // What hangs is not asked once more.
    const [state, space] =
      hang === undefined
        ? await Promise.all([
            soon(catalog.stores.checkFence(store.name, fences)),
            soon(catalog.stores.space(store.name)),
          ])
        : []
    const fence = fences.find(({ path }) => path === store.path)?.record.filesystem
    return {
      name: store.name,
      path: store.path,
      state: stateWord(fences.length === 0 ? undefined : state),
      problem: problemOf(state, hang),
      since: hang === undefined ? null : new Date(hang.since).toISOString(),
      filesystem: fence === undefined ? null : `${fence.type} ${fence.source}`,
      totalBytes: space?.totalBytes ?? null,
      freeBytes: space?.availableBytes ?? null,
      repositories: keeper.fleet.repositories
        .filter((repository) => repository.store?.name === store.name)
        .map(({ entry }) => entry.name),
    }
  }
}

function problemOf(state: FenceState | undefined, hang: Hang | undefined): StoreJson["problem"] {
  if (hang !== undefined) return { code: "store_hangs", message: hang.message, hint: hang.hint }
  return state?.kind === "fenced" ? { code: state.code, message: state.message, hint: state.hint } : null
}

function stateWord(state: FenceState | undefined): StoreJson["state"] {
  if (state === undefined) return "unknown"
  return state.kind === "holds" ? "ok" : "fenced"
}
