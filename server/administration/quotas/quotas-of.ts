import type { Quota, QuotaPlan, SystemQuotas } from "../../../storage/disk/index.js"
import { quotasOfSystem } from "../../../storage/nas/index.js"
import type { MadeNfsServer } from "../exports/chosen-nfs-server.js"

/** What keeps directories' limits in place of the filesystems; undefined: they do themselves. */
export function quotasOf(system: MadeNfsServer["system"]): SystemQuotas | undefined {
  if (system === undefined) return undefined
  try {
    return quotasOfSystem(system())
  } catch (error) {
    return new UnusableQuotas(error instanceof Error ? error : new Error(String(error)))
  }
}

/** Of a system that cannot even be asked, such as one whose password cannot be had: everything says why. */
class UnusableQuotas implements SystemQuotas {
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
