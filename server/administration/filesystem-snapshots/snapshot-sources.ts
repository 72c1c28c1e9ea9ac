import { join } from "node:path"
import { StorageError } from "../../../storage/index.js"
import { snapshotsOfSystem } from "../../../storage/nas-snapshots/index.js"
import type { Catalog, SnapshotScope } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import { HttpError } from "../../http/index.js"
import type { ChosenNfsServer } from "../exports/chosen-nfs-server.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import type { StoreFences } from "../stores/store-fences.js"
import { localSource, type StoreCall } from "./local-source.js"
import { nasSource } from "./nas-source.js"
import type { SnapshotSource } from "./snapshot-source.js"

export interface SnapshotSourcesParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly storeFences: StoreFences
  readonly nfsServer: Pick<ChosenNfsServer, "current" | "system">
}

/** Finds out who makes the filesystem snapshots of each store. */
export class SnapshotSources {
  readonly #parts: SnapshotSourcesParts

  constructor(parts: SnapshotSourcesParts) {
    this.#parts = parts
  }

  /** Throws HttpError for a store that is not declared. */
  storeNamed(name: string): StoreEntry {
    const store = this.#parts.keeper.fleet.document.stores.find((one) => one.name === name)
    if (store !== undefined) return store
    throw new HttpError(404, "not_found", `No store is called ${name}.`, {
      hint: "`cistern stores` lists them.",
    })
  }

  /** Nothing is asked yet. Throws HttpError 503 for a store of which nothing is remembered. */
  of(store: StoreEntry): SnapshotSource {
    const { keeper, storeFences, nfsServer } = this.#parts
    const fences = storeFences.ofFilesystems(store)
    const root = fences[0]?.record.realPath
    if (root === undefined) {
      throw new HttpError(503, "store_unknown", `Nothing is remembered of store ${store.name} yet.`, {
        hint: `Accept it: cistern stores accept ${store.name}`,
      })
    }
    const { kind = "auto" } = keeper.fleet.document.nfsServer ?? {}
    if (kind !== "truenas" && kind !== "synology")
      return localSource(this.callOf(store), () => this.scopeOf(store), fences)
    const ask = async () => {
      const { system } = nfsServer
      if (system !== undefined) return snapshotsOfSystem(system(), root)
      throw new StorageError("password_missing", "the NAS system cannot be asked without its secret", {
        hint: "Give the secret of nfsServer again.",
      })
    }
    return nasSource(ask, () => this.#mustHold(store))
  }

  /** The store's thread; never while it hangs. */
  callOf({ name }: StoreEntry): StoreCall {
    const { stores } = this.#parts.catalog
    return (method, argument) => {
      const hang = stores.hang(name)
      return hang === undefined
        ? stores.filesystemSnapshots(name, method, argument)
        : Promise.reject(new HttpError(503, "store_hangs", hang.message, { hint: hang.hint }))
    }
  }

  async scopeOf(store: StoreEntry): Promise<SnapshotScope> {
    const { storeFences } = this.#parts
    const root = this.rootOf(store)
    const directories = storeFences
      .placesIn(store)
      .map(({ directory }) => root + directory.slice(store.path.length))
    return { store: root, directories, exported: await this.exported() }
  }

  /** Where the store really is. */
  rootOf(store: StoreEntry): string {
    const own = this.#parts.storeFences.of(store).find(({ path }) => path === store.path)
    return own?.record.realPath ?? store.path
  }

  /** What clients may mount: what is declared, and what the server really exports, as far as it says that soon. */
  async exported(): Promise<string[]> {
    const { keeper, nfsServer } = this.#parts
    const { stores, exports } = keeper.fleet.document
    const roots = new Map(stores.map((store) => [store.name, this.rootOf(store)]))
    const declared = exports.map((one) => join(roots.get(one.store) ?? "", one.path))
    // Where the server says nothing, none must be made less safe than what is declared; that none is made at all would be worse.
    const state = await soon(nfsServer.current?.state() ?? Promise.resolve(undefined))
    return [...new Set([...declared, ...(state?.active ?? []).map(({ path }) => path)])]
  }

  async #mustHold(store: StoreEntry): Promise<void> {
    const { catalog, storeFences } = this.#parts
    const hang = catalog.stores.hang(store.name)
    if (hang !== undefined) throw new HttpError(503, "store_hangs", hang.message, { hint: hang.hint })
    const state = await catalog.stores.checkFence(store.name, storeFences.ofFilesystems(store))
    if (state.kind === "holds") return
    throw new StorageError("unreadable", state.message, { facts: { fence: state.code }, hint: state.hint })
  }
}
