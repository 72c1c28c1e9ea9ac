import type { Command } from "commander"
import {
  type DiskJson,
  type HardwareJson,
  hardwareJson,
  hardwarePath,
  type PoolJson,
} from "../http/contract/hardware.js"
import type { Context } from "./context.js"
import { formatBytes, formatCount, formatTime } from "./figures.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"
import type { Column } from "./table.js"

const systems = { truenas: "TrueNAS", synology: "DSM" } as const

const columns: readonly Column<DiskJson>[] = [
  { title: "DISK", of: ({ name }) => name },
  { title: "MODEL", of: ({ model }) => model ?? "-" },
  { title: "SERIAL", of: ({ serial }) => shortened(serial) },
  { title: "SIZE", of: ({ sizeBytes }) => formatBytes(sizeBytes), align: "right" },
  { title: "KIND", of: ({ kind }) => kind },
  { title: "HEALTH", of: health },
  { title: "TEMPERATURE", of: temperature, align: "right" },
  { title: "BAD", of: badSectors, align: "right" },
  { title: "HOURS", of: (disk) => formatCount(figuresOf(disk)?.powerOnHours ?? null), align: "right" },
  { title: "ASKED (UTC)", of: (disk) => formatTime(figuresOf(disk)?.readAt ?? null) },
  { title: "BY", of: by },
  { title: "STORES", of: ({ stores }) => (stores.length === 0 ? "-" : stores.join(" ")) },
]

const poolColumns: readonly Column<PoolJson>[] = [
  { title: "POOL", of: ({ name }) => name },
  { title: "STATE", of: ({ state, detail }) => (detail === null ? state : `${state}: ${detail}`) },
  { title: "SIZE", of: ({ totalBytes }) => formatBytes(totalBytes), align: "right" },
  { title: "FREE", of: ({ freeBytes }) => formatBytes(freeBytes), align: "right" },
  { title: "ASKED (UTC)", of: ({ readAt }) => formatTime(readAt) },
  { title: "BY", of: ({ source }) => systems[source] },
  { title: "STORES", of: ({ stores }) => (stores.length === 0 ? "-" : stores.join(" ")) },
]

export function hardwareCommand(program: Command, context: Context): void {
  program
    .command("hardware")
    .description("the disks of this machine with their health, and its memory and load; wakes no disk")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(hardwarePath, hardwareJson)
      if (json === true) context.out.json(answer)
      else print(answer, context.out)
    })
}

function print({ machine, system, pools, disks, ...more }: HardwareJson, out: Output): void {
  const { memory, load, processors, uptimeSeconds } = machine
  const { findings, problems, readAt } = more
  if (pools !== null && pools.length > 0) {
    out.table(pools, poolColumns, "")
    out.text("")
  }
  if (disks !== null) out.table(disks, columns, "This machine has no disk of its own.")
  out.text(
    [
      "",
      `memory  ${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`,
      `swap    ${formatBytes(memory.swapFreeBytes)} of ${formatBytes(memory.swapTotalBytes)} free`,
      `load    ${load.map((one) => one.toFixed(2)).join(" ")} on ${processors} processors`,
      `up      ${(uptimeSeconds / 86_400).toFixed(1)} days`,
      ...systemLines(system),
    ].join("\n"),
  )
  for (const { severity, message, hint } of findings) {
    const colour = severity === "fail" ? "red" : "yellow"
    out.text(`${out.colour(colour, severity)}  ${printable(message)}\n      ${printable(hint)}`)
  }
  for (const reason of whyUnknown(disks ?? [])) out.note(printable(reason))
  for (const { message, hint } of problems)
    out.note(printable(message) + (hint === null ? "" : `\n  ${printable(hint)}`))
  out.note(`Read at ${formatTime(readAt)} (UTC).`)
}

/** The NAS by its own account; in a container the lines above are the same machine's. */
function systemLines(system: HardwareJson["system"]): string[] {
  if (system === null) return []
  const { kind, model, version, memoryBytes, temperatureC } = system
  const parts = [
    ...(model === null ? [] : [model]),
    version,
    ...(memoryBytes === null ? [] : [`${formatBytes(memoryBytes)} of memory`]),
    ...(temperatureC === null ? [] : [`${temperatureC} °C`]),
  ]
  return [`${systems[kind].padEnd(7)} ${printable(parts.join(", "))}`]
}

/** The disk's own, as far as this machine may ask it; else what the NAS system tells of it. */
function figuresOf({ smart, system }: DiskJson): DiskJson["smart"]["figures"] {
  return smart.figures ?? system?.figures ?? null
}

function by({ smart, system }: DiskJson): string {
  if (smart.figures !== null) return "this machine"
  return system === null ? "-" : systems[system.kind]
}

/** The end of it, by which a disk is found: the whole one is in --json. */
function shortened(serial: string | null): string {
  if (serial === null) return "-"
  return serial.length > 4 ? `…${serial.slice(-4)}` : serial
}

function health(disk: DiskJson): string {
  const { state, figures } = disk.smart
  if (figures === null && disk.system !== null) return bySystem(disk.system)
  const verdict = figures === null ? undefined : verdictOf(figures.passed)
  if (state === "told") return verdict ?? "unknown"
  return verdict === undefined ? state : `${state}, was ${verdict}`
}

function bySystem({ verdict, figures }: NonNullable<DiskJson["system"]>): string {
  if (verdict === "warn") return "warning"
  return (
    verdictOf(figures.passed === false ? false : verdict === null ? null : verdict === "good") ?? "unknown"
  )
}

function verdictOf(passed: boolean | null): string | undefined {
  if (passed === null) return undefined
  return passed ? "ok" : "FAILING"
}

function temperature(disk: DiskJson): string {
  const degrees = disk.smart.figures?.temperatureC ?? disk.system?.figures.temperatureC ?? null
  return degrees === null ? "-" : `${degrees} °C`
}

/** Sectors that were replaced, wait for it or could not be read; failed reads and writes of NVMe. */
function badSectors(disk: DiskJson): string {
  const {
    reallocated = null,
    pending = null,
    uncorrectable = null,
    mediaErrors = null,
  } = figuresOf(disk) ?? {}
  const known = [reallocated, pending, uncorrectable, mediaErrors].filter((count) => count !== null)
  return known.length === 0 ? "-" : String(known.reduce((sum, count) => sum + count, 0))
}

/** One line for each reason. */
function whyUnknown(disks: readonly DiskJson[]): string[] {
  const reasons = new Map<string, string[]>()
  for (const { name, smart, system } of disks) {
    if (smart.why !== null && (system === null || system.verdict === null))
      reasons.set(smart.why, [...(reasons.get(smart.why) ?? []), name])
  }
  return [...reasons].map(([why, names]) => `${names.join(", ")}: health unknown: ${why}`)
}
