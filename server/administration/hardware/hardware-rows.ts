import {
  type Disk,
  diskFindings,
  type HardwareFinding,
  type MatchedDisk,
  matchDisks,
  memoryFindings,
  poolFindings,
  systemDiskFindings,
  systemNames,
} from "../../../storage/hardware/index.js"
import type { MachineFigures } from "../../../storage/host/index.js"
import type { StorageError } from "../../../storage/index.js"
import type { Clock } from "../../catalog/index.js"
import type { StoreJson } from "../../http/contract/admin.js"
import type { HardwareFindingJson, HardwareJson } from "../../http/contract/hardware.js"
import { type AskedDisk, AskedDisks } from "./asked-disks.js"
import { diskJson, poolJson, storesOf, systemJson, timeOf, type ToldBySystem } from "./hardware-json.js"
import { storesOnPool } from "./lies-on.js"
import { SystemHardware, type SystemHardwareParts } from "./system-hardware.js"

/** What is asked of the machine. */
export interface HardwareProbes {
  /** Undefined where it does not show its disks. Opens none. */
  readonly disks: () => readonly Disk[] | undefined
  /** smartmontools' report on one disk, as JSON. Throws StorageError. */
  readonly smart: (disk: string) => Promise<string>
  readonly machine: () => Promise<MachineFigures>
}

export interface HardwareRowsParts extends SystemHardwareParts {
  readonly clock: Clock
  readonly hardware: HardwareProbes
  readonly stores: () => Promise<readonly StoreJson[]>
}

type SystemLatest = Awaited<ReturnType<SystemHardware["latest"]>>

/** The disks with their health, by the machine and by the NAS system that it is a part of; which stores lie on them; its memory. */
export class HardwareRows {
  readonly #parts: HardwareRowsParts
  readonly #disks: AskedDisks
  readonly #system: SystemHardware

  constructor(parts: HardwareRowsParts) {
    this.#parts = parts
    this.#disks = new AskedDisks(parts.hardware.smart)
    this.#system = new SystemHardware(parts)
  }

  async rows(): Promise<HardwareJson> {
    const { clock, hardware } = this.#parts
    const now = clock.now().wall
    const seen = hardware.disks()
    const [machine, stores, latest, answers] = await Promise.all([
      hardware.machine(),
      this.#parts.stores(),
      this.#system.latest(),
      Promise.all((seen ?? []).map(async (disk) => [disk, await this.#disks.ask(disk, now)] as const)),
    ])
    const asked = new Map(answers)
    const report = latest?.told?.value
    const told = toldBy(latest)
    const disks = matchDisks(seen ?? [], report?.disks ?? [], (disk) => serialOf(disk, asked.get(disk)))
    const of = (disk: MatchedDisk): AskedDisk | undefined => disk.machine && asked.get(disk.machine)
    const memory = memoryFindings(machine.memory)
    return {
      readAt: timeOf(now),
      machine: { ...machine, load: [...machine.load] },
      system: report?.figures === undefined || told === undefined ? null : systemJson(report.figures, told),
      pools:
        report?.pools === undefined || told === undefined
          ? null
          : report.pools.map((pool) => poolJson(pool, told, stores)),
      disks:
        seen === undefined && report?.disks === undefined
          ? null
          : disks.map((disk) => diskJson(disk, of(disk), told, stores)),
      findings: [
        ...(told?.pools ?? []).flatMap((pool) =>
          shown(poolFindings(told?.kind ?? "truenas", pool), storesOnPool(pool, stores), pool.name),
        ),
        ...disks.flatMap((disk) =>
          shown(findingsOf(disk, of(disk)), storesOf(disk, told?.pools ?? [], stores)),
        ),
        ...shown(memory, []),
      ],
      problems: [...(seen === undefined ? [noDisks] : []), ...systemProblems(latest)],
    }
  }
}

const noDisks: HardwareJson["problems"][number] = {
  source: null,
  code: "no_disks",
  message: "the machine's disks cannot be seen here",
  hint: "In a container, mount the machine's /sys read-only.",
}

function toldBy(latest: SystemLatest): ToldBySystem | undefined {
  if (latest?.told === undefined) return undefined
  return { kind: latest.kind, at: latest.told.at, pools: latest.told.value.pools ?? [] }
}

function findingsOf({ machine, system }: MatchedDisk, asked: AskedDisk | undefined): HardwareFinding[] {
  const figures = asked?.told?.figures
  return [
    ...(machine === undefined || figures === undefined ? [] : diskFindings(machine, figures)),
    ...(system === undefined ? [] : systemDiskFindings(system, figures !== undefined)),
  ]
}

function shown(
  findings: readonly HardwareFinding[],
  stores: readonly string[],
  pool: string | null = null,
): HardwareFindingJson[] {
  return findings.map((one) => ({ ...one, disk: one.disk ?? null, pool, stores: [...stores] }))
}

/** Each part that the system did not tell, and why nothing newer than what is shown is known. */
function systemProblems(latest: SystemLatest): HardwareJson["problems"] {
  if (latest === undefined) return []
  const errors: StorageError[] = [...(latest.told?.value.problems ?? [])]
  if (latest.problem !== undefined) errors.push(latest.problem)
  return errors.map(({ code, message, hint }) => ({
    source: latest.kind,
    code,
    message: `${systemNames[latest.kind]}'s hardware: ${message}`,
    hint: hint ?? null,
  }))
}

function serialOf(disk: Disk, asked: AskedDisk | undefined): string | undefined {
  return disk.serial ?? asked?.told?.figures.serial
}
