import { readSystemHardware, type SystemKind, type SystemReport } from "../../../storage/hardware/index.js"
import type { Clock } from "../../catalog/index.js"
import type { ChosenNfsServer, MadeNfsServer } from "../exports/chosen-nfs-server.js"
import { type Latest, Occasional } from "../occasional.js"

/** A NAS system has more to do than to tell of its disks, and those change slowly. */
const ASK_AGAIN_MS = 180_000

export interface SystemHardwareParts {
  readonly clock: Clock
  readonly nfsServer: Pick<ChosenNfsServer, "current" | "system">
}

/** What the NAS system that the document names says of its hardware. */
export class SystemHardware {
  readonly #parts: SystemHardwareParts
  #asked:
    | { readonly of: NonNullable<MadeNfsServer["system"]>; readonly reports: Occasional<SystemReport> }
    | undefined

  constructor(parts: SystemHardwareParts) {
    this.#parts = parts
  }

  /** Undefined where there is no such system. */
  async latest(): Promise<(Latest<SystemReport> & { readonly kind: SystemKind }) | undefined> {
    const { clock, nfsServer } = this.#parts
    const { system, current } = nfsServer
    const kind = current?.kind
    if (system === undefined || (kind !== "truenas" && kind !== "synology")) return undefined
    if (this.#asked?.of !== system) {
      const ask = async (): Promise<SystemReport> => readSystemHardware(system())
      this.#asked = { of: system, reports: new Occasional({ clock, ask, everyMs: ASK_AGAIN_MS }) }
    }
    return { kind, ...(await this.#asked.reports.latest()) }
  }
}
