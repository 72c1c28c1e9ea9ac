import {
  type Disk,
  parseSmart,
  type SmartFigures,
  type SmartReport,
} from "../../../storage/hardware/index.js"
import { StorageError } from "../../../storage/index.js"

/** A disk's own figures change slowly, and asking costs a process for each. */
const ASK_AGAIN_MS = 60_000

/** How a disk of this machine answered. */
export interface AskedDisk {
  readonly report: SmartReport
  /** What it told last, since the daemon's start: it may sleep now. */
  readonly told: { readonly figures: SmartFigures; readonly at: number } | undefined
}

/** What the disks of this machine say of themselves. */
export class AskedDisks {
  readonly #smart: (disk: string) => Promise<string>
  readonly #asked = new Map<string, { readonly report: SmartReport; readonly at: number }>()
  readonly #told = new Map<string, NonNullable<AskedDisk["told"]>>()

  /** `smart` gives smartmontools' report on one disk, as JSON, and throws StorageError. */
  constructor(smart: (disk: string) => Promise<string>) {
    this.#smart = smart
  }

  async ask(disk: Disk, now: number): Promise<AskedDisk> {
    const key = keyOf(disk)
    const known = this.#asked.get(key)
    const isFresh = known !== undefined && now >= known.at && now - known.at < ASK_AGAIN_MS
    const report = isFresh ? known.report : await this.#report(disk)
    if (!isFresh) {
      this.#asked.set(key, { report, at: now })
      if (report.kind === "told") this.#told.set(key, { figures: report.figures, at: now })
    }
    return { report, told: this.#told.get(key) }
  }

  async #report({ name, kind, suspended }: Disk): Promise<SmartReport> {
    // Opening it would wake it, whatever smartctl is told.
    if (suspended) return { kind: "asleep" }
    if (kind === "virtual") return { kind: "untold", why: "a virtual machine does not see the real disk" }
    try {
      return parseSmart(await this.#smart(name), name)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const hint = error.code === "missing" ? "Install smartmontools." : (error.hint ?? "")
      return { kind: "untold", why: `${error.message}. ${hint}`.trim() }
    }
  }
}

/** Names of disks change when one is pulled: what another one told is not this one's. */
function keyOf({ name, model, serial, sizeBytes }: Disk): string {
  return JSON.stringify([name, model, serial, sizeBytes])
}
