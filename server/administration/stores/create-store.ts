import { normalize } from "node:path"
import type { z } from "zod"
import type {
  ApplyJson,
  applyRequest,
  createStoreRequest,
  StoreCreatedJson,
} from "../../http/contract/admin.js"
import { HttpError } from "../../http/index.js"
import type { Catalog } from "../../catalog/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"

export interface CreateStoreParts {
  readonly keeper: FleetKeeper
  readonly catalog: Pick<Catalog, "openStore" | "stores">
  readonly applyDocument: (request: z.output<typeof applyRequest>, by: string) => Promise<ApplyJson>
  readonly log: { info(fields: object, message: string): void }
}

/** Declares one more store, as a document that names only it would. */
export class CreateStore {
  readonly #parts: CreateStoreParts

  constructor(parts: CreateStoreParts) {
    this.#parts = parts
  }

  /** Throws HttpError, and StorageError for what is at the path. Where it is not declared in the end, nothing is left behind. */
  async create(request: z.output<typeof createStoreRequest>, by: string): Promise<StoreCreatedJson> {
    const { name, path, allowRoot, make, dryRun, basis } = request
    this.#refuseKnown(name)
    const apply = (dry: boolean): Promise<ApplyJson> =>
      this.#parts.applyDocument(
        {
          document: JSON.stringify({ stores: [{ name, path, allowRoot }] }),
          remove: false,
          accept: [],
          dryRun: dry,
          ...(basis !== undefined && { basis }),
        },
        by,
      )
    // First what is wrong with the name and the path, before anything is looked at.
    const plan = await apply(true)
    const asked = { path: normalize(path).replace(/(?<=.)\/+$/, ""), allowRoot }
    const { stores } = this.#parts.catalog
    this.#parts.catalog.openStore({ name, path: asked.path, events: false })
    const missing = await answered(stores.missingForStore(name, asked), path)
    if (missing.length > 0 && !make) {
      throw new HttpError(409, "no_directory", `There is no directory ${path}.`, {
        hint: "Mount the store's filesystem there first, or have the directory made with --make.",
      })
    }
    if (dryRun) return { ...plan, made: [...missing] }
    const made = missing.length === 0 ? [] : await answered(stores.makeStorePlace(name, asked), path)
    try {
      const applied = await apply(false)
      if (!applied.applied) await stores.removeMade(name, made)
      else this.#parts.log.info({ store: name, path, made, by }, "store created")
      return { ...applied, made: applied.applied ? [...made] : [] }
    } catch (error) {
      await stores.removeMade(name, made)
      throw error
    }
  }

  #refuseKnown(name: string): void {
    const known = this.#parts.keeper.fleet.document.stores.find((store) => store.name === name)
    if (known === undefined) return
    throw new HttpError(409, "store_exists", `Store ${name} is declared already, at ${known.path}.`, {
      hint: "Take another name; `cistern stores accept` is for one whose filesystem changed, `cistern apply` for one that moves.",
    })
  }
}

const PATIENCE_MS = 5_000

async function answered<T>(work: Promise<T>, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The filesystem at ${path} does not answer.`
      reject(new HttpError(503, "store_hangs", message, { hint: "Look at the mount and at what serves it." }))
    }, PATIENCE_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
