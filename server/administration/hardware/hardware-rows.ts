import type { MachineFigures } from "../../../storage/host/index.js"
import {
  type Disk,
  diskFindings,
  memoryFindings,
  parseSmart,
  type SmartFigures,
  type SmartReport,
} from "../../../storage/hardware/index.js"
import { StorageError } from "../../../storage/index.js"
import type { Clock } from "../../catalog/index.js"
import type { StoreJson } from "../../http/contract/admin.js"
import type { DiskJson, HardwareFindingJson, HardwareJson } from "../../http/contract/hardware.js"

/** What is asked of the machine. */
export interface HardwareProbes {
  /** Undefined where it does not show its disks. Opens none. */
  readonly disks: () => readonly Disk[] | undefined
  /** smartmontools' report on one disk, as JSON. Throws StorageError. */
  readonly smart: (disk: string) => Promise<string>
  readonly machine: () => Promise<MachineFigures>
}

export interface HardwareRowsParts {
  readonly clock: Clock
  readonly hardware: HardwareProbes
  readonly stores: () => Promise<readonly StoreJson[]>
}

/** A disk's own figures change slowly, and asking costs a process for each. */
const ASK_AGAIN_MS = 60_000

/** How a disk answered when it was asked last. */
interface Asked {
  readonly report: SmartReport
  readonly at: number
}

/** The machine's disks with their health, which stores lie on them, and its memory. */
export class HardwareRows {
  readonly #parts: HardwareRowsParts
  readonly #asked = new Map<string, Asked>()
  /** What a disk told last, for while it sleeps. */
  readonly #told = new Map<string, { readonly figures: SmartFigures; readonly at: number }>()

  constructor(parts: HardwareRowsParts) {
    this.#parts = parts
  }

  async rows(): Promise<HardwareJson> {
    const { clock, hardware, stores } = this.#parts
    const now = clock.now().wall
    const disks = hardware.disks()
    const [machine, declared, answers] = await Promise.all([
      hardware.machine(),
      stores(),
      Promise.all((disks ?? []).map((disk) => this.#ask(disk, now))),
    ])
    const rows = (disks ?? []).map((disk, at) =>
      this.#row(disk, answers[at] ?? { kind: "untold", why: "it was not asked" }, declared),
    )
    return {
      readAt: timeOf(now),
      machine: { ...machine, load: [...machine.load] },
      disks: disks === undefined ? null : rows,
      findings: [
        ...(disks ?? []).flatMap((disk) => this.#findings(disk, declared)),
        ...memoryFindings(machine.memory).map((one) => ({ ...one, disk: null, stores: [] })),
      ],
      problems: disks === undefined ? [noDisks] : [],
    }
  }

  async #ask(disk: Disk, now: number): Promise<SmartReport> {
    const known = this.#asked.get(keyOf(disk))
    if (known !== undefined && now >= known.at && now - known.at < ASK_AGAIN_MS) return known.report
    const report = await this.#report(disk)
    this.#asked.set(keyOf(disk), { report, at: now })
    if (report.kind === "told") this.#told.set(keyOf(disk), { figures: report.figures, at: now })
    return report
  }

  async #report({ name, kind, suspended }: Disk): Promise<SmartReport> {
    // Opening it would wake it, whatever smartctl is told.
    if (suspended) return { kind: "asleep" }
    if (kind === "virtual") return { kind: "untold", why: "a virtual machine does not see the real disk" }
    try {
      return parseSmart(await this.#parts.hardware.smart(name), name)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const hint = error.code === "missing" ? "Install smartmontools." : (error.hint ?? "")
      return { kind: "untold", why: `${error.message}. ${hint}`.trim() }
    }
  }

  #row(disk: Disk, report: SmartReport, stores: readonly StoreJson[]): DiskJson {
    const told = this.#told.get(keyOf(disk))
    return {
      name: disk.name,
      model: disk.model ?? told?.figures.model ?? null,
      serial: disk.serial ?? told?.figures.serial ?? null,
      sizeBytes: disk.sizeBytes,
      kind: disk.kind,
      removable: disk.removable,
      stores: storesOn(disk, stores),
      smart: {
        state: report.kind === "untold" ? "unknown" : report.kind,
        why: report.kind === "untold" ? report.why : null,
        figures: told === undefined ? null : figuresOf(told.figures, told.at),
      },
    }
  }

  #findings(disk: Disk, stores: readonly StoreJson[]): HardwareFindingJson[] {
    const told = this.#told.get(keyOf(disk))
    if (told === undefined) return []
    return diskFindings(disk, told.figures).map((one) => ({
      ...one,
      disk: disk.name,
      stores: storesOn(disk, stores),
    }))
  }
}

const noDisks = {
  code: "no_disks",
  message: "the machine's disks cannot be seen here",
  hint: "In a container, mount the machine's /sys read-only.",
}

/** Names of disks change when one is pulled: what another one told is not this one's. */
function keyOf({ name, model, serial, sizeBytes }: Disk): string {
  return JSON.stringify([name, model, serial, sizeBytes])
}

function storesOn({ name }: Disk, stores: readonly StoreJson[]): string[] {
  return stores.filter(({ facts }) => facts?.disks?.includes(name) === true).map((store) => store.name)
}

function figuresOf(figures: SmartFigures, at: number): DiskJson["smart"]["figures"] {
  return {
    readAt: timeOf(at),
    passed: figures.passed ?? null,
    temperatureC: figures.temperatureC ?? null,
    limitC: figures.limitC ?? null,
    powerOnHours: figures.powerOnHours ?? null,
    reallocated: figures.reallocated ?? null,
    pending: figures.pending ?? null,
    uncorrectable: figures.uncorrectable ?? null,
    mediaErrors: figures.mediaErrors ?? null,
    wearPercent: figures.wearPercent ?? null,
  }
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
