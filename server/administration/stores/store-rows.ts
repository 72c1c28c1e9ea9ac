import type { FenceState } from "../../../storage/disk/index.js"
import type { Catalog, Clock, Hang } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { StoreJson } from "../../http/contract/admin.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import type { StoreFences } from "./store-fences.js"
import { storeFacts, type StoreFactsParts } from "./store-facts.js"

export interface StoreRowsParts extends StoreFactsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly storeFences: StoreFences
  readonly clock: Clock
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
    const { catalog, keeper, clock, storeFences } = this.#parts
    const fences = storeFences.of(store)
    const hang = catalog.stores.hang(store.name)
    // What hangs is not asked once more.
    const [state, space, facts] =
      hang === undefined
        ? await Promise.all([
            soon(catalog.stores.checkFence(store.name, fences)),
            soon(catalog.stores.space(store.name)),
            soon(catalog.stores.facts(store.name)),
          ])
        : []
    const fence = fences.find(({ path }) => path === store.path)?.record.filesystem
    const word = stateWord(fences.length === 0 ? undefined : state)
    // Of what is there in a store's place nothing is said: it is not the store.
    const there = word === "fenced" ? undefined : { space, facts }
    return {
      name: store.name,
      path: store.path,
      state: word,
      problem: problemOf(state, hang),
      since: hang === undefined ? null : new Date(hang.since).toISOString(),
      filesystem: fence === undefined ? null : `${fence.type} ${fence.source}`,
      totalBytes: there?.space?.totalBytes ?? null,
      freeBytes: there?.space?.availableBytes ?? null,
      ...(await storeFacts(
        there?.facts,
        [store.path, ...storeFences.placesIn(store).map(({ directory }) => directory)],
        this.#parts,
        new Date(clock.now().wall),
      )),
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
