import { isAround } from "../../../storage/nfs/index.js"
import type { StoreRoot } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { Catalog, PlaceSpec, StoreWork } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import { HttpError } from "../../http/index.js"
import type { StoreFences } from "../stores/store-fences.js"
import type { Target } from "./targets.js"

export interface StoreAccessParts {
  readonly catalog: Catalog
  readonly storeFences: StoreFences
}

/** What work on a directory needs: where its store is, and the fences that must hold meanwhile. */
export interface Access {
  readonly store: StoreRoot
  readonly fences: PlaceSpec["fences"]
}

interface Problem {
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** The way to the directories of a store: always in its thread, never while it hangs, and for changes only while it is fenced in. */
export class StoreAccess {
  readonly #parts: StoreAccessParts

  constructor(parts: StoreAccessParts) {
    this.#parts = parts
  }

  /**
   * For changes of a directory. `acceptMount`: a mount on the way that a person named. Throws HttpError 503 for a store of which nothing is
   * remembered.
   */
  accessTo({ store, directory }: Pick<Target, "store" | "directory">, acceptMount?: string): Access {
    const known = this.#parts.storeFences.of(store)
    const own = known.find(({ path }) => path === store.path)
    if (own === undefined) {
      throw new HttpError(503, "store_unknown", `Nothing is remembered of store ${store.name} yet.`, {
        hint: `Accept it: cistern stores accept ${store.name}`,
      })
    }
    const root = own.record.realPath
    const place = root + directory.slice(store.path.length)
    const mounts = known
      .map(({ record }) => record.mountPoint)
      .filter((at) => at !== root && isAround(root, at) && isAround(at, place))
    if (acceptMount !== undefined) mounts.push(acceptMount)
    return {
      store: { realPath: root, mountPoint: own.record.mountPoint, mounts: [...new Set(mounts)] },
      fences: known.filter(({ path }) => path === store.path || path === directory),
    }
  }

  /** For looks, which cross any mount. Undefined: nothing is remembered of the store. */
  viewOf(store: StoreEntry): StoreRoot | undefined {
    const own = this.#parts.storeFences.of(store).find(({ path }) => path === store.path)
    if (own === undefined) return undefined
    return { realPath: own.record.realPath, mountPoint: own.record.mountPoint, mounts: undefined }
  }

  /** Why what lies in a store now is not what was accepted; undefined: it is. */
  async fenceProblem(store: StoreEntry): Promise<Problem | undefined> {
    const { storeFences, catalog } = this.#parts
    const own = storeFences.of(store).filter(({ path }) => path === store.path)
    const state = await catalog.stores.checkFence(store.name, own)
    return state.kind === "holds" ? undefined : { code: state.code, message: state.message, hint: state.hint }
  }

  /** Has the store's thread do it. Throws StorageError, and HttpError for a store that hangs and for a mount nobody expected. */
  async call<Name extends keyof StoreWork>(
    store: string,
    method: Name,
    argument: Parameters<StoreWork[Name]>[0],
  ): Promise<Awaited<ReturnType<StoreWork[Name]>>> {
    const { stores } = this.#parts.catalog
    const hang = stores.hang(store)
    if (hang !== undefined) throw new HttpError(503, "store_hangs", hang.message, { hint: hang.hint })
    try {
      return await stores.directories(store, method, argument)
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

/** What a person may agree to, or has to change first, is a refusal, not a fault of the disk. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error
  const { facts, message, hint } = error
  const code =
    error.code === "invalid" && "mountPoint" in facts
      ? "other_filesystem"
      : "holdUntil" in facts
        ? "held"
        : undefined
  if (code === undefined) return error
  return new HttpError(409, code, `${message}.`, { ...(hint !== undefined && { hint }), cause: error })
}
