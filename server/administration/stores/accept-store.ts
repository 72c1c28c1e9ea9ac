import type { FenceRecord } from "../../../storage/disk/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { Acknowledgements } from "../../db/index.js"
import type { StoreAcceptedJson, StoreJson } from "../../http/contract/admin.js"
import { HttpError } from "../../http/index.js"
import type { ApplyParts } from "../apply.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import type { StoreFences } from "./store-fences.js"
import { refuseTwins } from "./twin-stores.js"

export interface AcceptStoreParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly storeFences: StoreFences
  readonly clock: Clock
  /** Remembers a store's filesystem as it is now, and forgets what was remembered under these places. */
  readonly acceptFence: (store: string, record: FenceRecord, places: readonly string[], by: string) => void
  readonly acknowledgements: Acknowledgements
  readonly apply: ApplyParts
  /** What was worked out of a place is worked out anew. */
  readonly forget: (place: string) => void
  /** Has the exports follow. */
  readonly look: () => Promise<void>
  readonly row: (store: StoreEntry) => Promise<StoreJson>
  readonly log: { info(fields: object, message: string): void }
}

/** Takes the filesystem that is mounted now for the store: an administrator says that it is the right one. */
export class AcceptStore {
  readonly #parts: AcceptStoreParts

  constructor(parts: AcceptStoreParts) {
    this.#parts = parts
  }

  async accept(name: string, by: string): Promise<StoreAcceptedJson> {
    const { keeper, catalog, storeFences, acknowledgements, apply, clock, log } = this.#parts
    const store = keeper.fleet.document.stores.find((candidate) => candidate.name === name)
    if (store === undefined) throw new HttpError(404, "not_found", `No store is called ${name}.`)
    const hang = catalog.stores.hang(name)
    if (hang !== undefined) throw new HttpError(503, "store_hangs", hang.message, { hint: hang.hint })
    const places = storeFences.placesIn(store)
    const changes: string[] = []
    for (const { path, record } of storeFences.of(store)) {
      const state = await catalog.stores.checkFence(store.name, [{ path, record }])
      if (state.kind === "fenced") changes.push(state.message)
    }
    const isRepository = keeper.fleet.repositories.some(
      ({ entry }) => entry.place.kind === "store" && entry.place.store === name && entry.place.path === "",
    )
    const record = await catalog.stores.takeFence(store.name, {
      path: store.path,
      allowRoot: store.allowRoot,
      sentinel: !isRepository,
      id: apply.fenceOf(name)?.sentinel,
    })
    refuseTwins(keeper.fleet.document.stores, new Map([[name, record]]), apply.fenceOf)
    const notices = record.sentinel === undefined ? [] : await apply.adoptLedger(store.name, record.sentinel)
    const at = clock.now().wall
    this.#parts.acceptFence(
      name,
      record,
      places.map(({ place }) => place),
      by,
    )
    acknowledgements.add({ kind: "store_accepted", place: name, detail: JSON.stringify(changes), at, by })
    log.info({ store: name, by, changes }, "store accepted")
    apply.declared(apply.shelf.current())
    for (const { place } of places) this.#parts.forget(place)
    await soon(this.#parts.look())
    return { store: await this.#parts.row(store), changes, notices }
  }
}
