import {
  type MatchedDisk,
  type SmartFigures,
  type SystemFigures,
  type SystemKind,
  type SystemPool,
} from "../../../storage/hardware/index.js"
import type { StoreJson } from "../../http/contract/admin.js"
import type { DiskJson, HardwareJson, PoolJson } from "../../http/contract/hardware.js"
import type { AskedDisk } from "./asked-disks.js"
import { storesOnDisk, storesOnPool } from "./lies-on.js"

/** What the NAS system told, and when. */
export interface ToldBySystem {
  readonly kind: SystemKind
  readonly at: number
  readonly pools: readonly SystemPool[]
}

/** Names of the stores on a disk, by what the machine and what the system shows. */
export function storesOf(
  { machine, system }: MatchedDisk,
  pools: readonly SystemPool[],
  stores: readonly StoreJson[],
): string[] {
  const mine = machine === undefined ? [] : storesOnDisk(machine.name, stores)
  const part = pools.filter(({ name }) => system?.pools?.includes(name) === true)
  return [...new Set([...mine, ...part.flatMap((pool) => storesOnPool(pool, stores))])].sort()
}

export function diskJson(
  disk: MatchedDisk,
  asked: AskedDisk | undefined,
  told: ToldBySystem | undefined,
  stores: readonly StoreJson[],
): DiskJson {
  const { machine, system } = disk
  const report = asked?.report ?? { kind: "untold", why: "this machine does not see the disk" }
  const figures = asked?.told?.figures
  return {
    name: machine?.name ?? system?.name ?? "",
    sources: [
      ...(machine === undefined ? [] : ["machine" as const]),
      ...(system === undefined || told === undefined ? [] : [told.kind]),
    ],
    model: machine?.model ?? figures?.model ?? system?.model ?? null,
    serial: machine?.serial ?? figures?.serial ?? system?.serial ?? null,
    sizeBytes: machine?.sizeBytes ?? system?.sizeBytes ?? null,
    kind: machine?.kind ?? system?.kind ?? "unknown",
    removable: machine?.removable ?? false,
    stores: storesOf(disk, told?.pools ?? [], stores),
    smart: {
      state: report.kind === "untold" ? "unknown" : report.kind,
      why: report.kind === "untold" ? report.why : null,
      figures: asked?.told === undefined ? null : figuresJson(asked.told.figures, asked.told.at),
    },
    system:
      system === undefined || told === undefined
        ? null
        : {
            kind: told.kind,
            state: system.state ?? null,
            verdict: system.verdict ?? null,
            pools: system.pools === undefined ? null : [...system.pools],
            figures: figuresJson(system.figures, told.at),
          },
  }
}

export function poolJson(
  pool: SystemPool,
  { kind, at }: ToldBySystem,
  stores: readonly StoreJson[],
): PoolJson {
  return {
    source: kind,
    readAt: timeOf(at),
    name: pool.name,
    path: pool.path,
    state: pool.state,
    verdict: pool.verdict ?? null,
    detail: pool.detail ?? null,
    totalBytes: pool.totalBytes ?? null,
    freeBytes: pool.freeBytes ?? null,
    stores: storesOnPool(pool, stores),
  }
}

export function systemJson(figures: SystemFigures, { kind, at }: ToldBySystem): HardwareJson["system"] {
  return {
    kind,
    readAt: timeOf(at),
    version: figures.version,
    model: figures.model ?? null,
    hostName: figures.hostName ?? null,
    memoryBytes: figures.memoryBytes ?? null,
    uptimeSeconds: figures.uptimeSeconds ?? null,
    temperatureC: figures.temperatureC ?? null,
  }
}

function figuresJson(figures: SmartFigures, at: number): NonNullable<DiskJson["smart"]["figures"]> {
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

export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
