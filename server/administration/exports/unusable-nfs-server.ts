import type { Quota, QuotaPlan, SystemQuotas } from "../../../storage/disk/index.js"
import type {
  ExportPlan,
  ExportRefusal,
  NfsServer,
  NfsServerKind,
  NfsServerState,
} from "../../../storage/nfs/index.js"

/** An NFS server that cannot even be asked, such as one whose password cannot be had: everything says why. */
export class UnusableNfsServer implements NfsServer {
  readonly kind: NfsServerKind
  readonly #why: Error

  constructor(kind: NfsServerKind, why: Error) {
    this.kind = kind
    this.#why = why
  }

  state(): Promise<NfsServerState | undefined> {
    return Promise.reject(this.#why)
  }

  refusals(): Promise<readonly ExportRefusal[]> {
    return Promise.reject(this.#why)
  }

  plan(): Promise<ExportPlan> {
    return Promise.reject(this.#why)
  }

  apply(): Promise<void> {
    return Promise.reject(this.#why)
  }
}

/** The limits of the same. */
export class UnusableQuotas implements SystemQuotas {
  readonly #why: Error

  constructor(why: Error) {
    this.#why = why
  }

  quotaOf(): Promise<Quota> {
    return Promise.reject(this.#why)
  }

  plan(): Promise<QuotaPlan> {
    return Promise.reject(this.#why)
  }

  set(): Promise<Quota> {
    return Promise.reject(this.#why)
  }
}
