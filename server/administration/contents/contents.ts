import type { Catalog, Clock, PlaceSpec } from "../../catalog/index.js"
import type {
  AskedContents,
  ContentsAdministration,
  ContentsRequest,
  ContentsTarget,
} from "../../http/admin/contents-routes.js"
import { BrowseThreads, hanging } from "../../reading/browse/index.js"
import { ContentsTargets, type ContentsTargetsParts } from "./targets.js"

export interface ContentsPartsOfDaemon extends ContentsTargetsParts {
  readonly clock: Clock
  readonly catalog: Catalog
  readonly log: { warn(fields: object, message: string): void }
}

/** What is in the snapshots of the declared repositories. */
export class Contents implements ContentsAdministration {
  readonly #parts: ContentsPartsOfDaemon
  readonly #targets: ContentsTargets
  readonly #threads: BrowseThreads

  constructor(parts: ContentsPartsOfDaemon) {
    this.#parts = parts
    this.#targets = new ContentsTargets(parts)
    this.#threads = new BrowseThreads({
      clock: parts.clock,
      specOf: (place): PlaceSpec | undefined => parts.keeper.declaredAt(place)?.spec,
      hang: (store) => parts.catalog.stores.hang(store),
      log: parts.log,
    })
  }

  ask(target: ContentsTarget, request: ContentsRequest): AskedContents {
    const { place, store, only, name } = this.#targets.resolve(target)
    const stream = this.#threads.open(
      { place, store },
      request.kind === "impact" ? { ...request, only, place: name } : { ...request, only },
    )
    const check = (): void => {
      const hang = this.#threads.hang(store)
      if (hang !== undefined) throw hanging(hang)
    }
    return { stream, check }
  }

  failed(error: unknown): void {
    this.#parts.log.warn({ err: error }, "what somebody read from a snapshot broke off")
  }

  /** The document changed. */
  redeclared(): void {
    this.#threads.redeclared()
  }

  /** Ends what is under way. False: a thread hangs in the kernel and is left behind. */
  stop(): Promise<boolean> {
    return this.#threads.stop()
  }
}
