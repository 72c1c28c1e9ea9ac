import type { Command } from "commander"
import { type DiskJson, type HardwareJson, hardwareJson, hardwarePath } from "../http/contract/hardware.js"
import type { Context } from "./context.js"
import { formatBytes, formatCount, formatTime } from "./figures.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"
import type { Column } from "./table.js"

const columns: readonly Column<DiskJson>[] = [
  { title: "DISK", of: ({ name }) => name },
  { title: "MODEL", of: ({ model }) => model ?? "-" },
  { title: "SERIAL", of: ({ serial }) => shortened(serial) },
  { title: "SIZE", of: ({ sizeBytes }) => formatBytes(sizeBytes), align: "right" },
  { title: "KIND", of: ({ kind }) => kind },
  { title: "HEALTH", of: health },
  { title: "TEMPERATURE", of: temperature, align: "right" },
  { title: "BAD", of: badSectors, align: "right" },
  { title: "HOURS", of: ({ smart }) => formatCount(smart.figures?.powerOnHours ?? null), align: "right" },
  { title: "ASKED (UTC)", of: ({ smart }) => formatTime(smart.figures?.readAt ?? null) },
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

function print({ machine, disks, findings, problems, readAt }: HardwareJson, out: Output): void {
  const { memory, load, processors, uptimeSeconds } = machine
  if (disks !== null) out.table(disks, columns, "This machine has no disk of its own.")
  out.text(
    [
      "",
      `memory  ${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`,
      `swap    ${formatBytes(memory.swapFreeBytes)} of ${formatBytes(memory.swapTotalBytes)} free`,
      `load    ${load.map((one) => one.toFixed(2)).join(" ")} on ${processors} processors`,
      `up      ${(uptimeSeconds / 86_400).toFixed(1)} days`,
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

/** The end of it, by which a disk is found: the whole one is in --json. */
function shortened(serial: string | null): string {
  if (serial === null) return "-"
  return serial.length > 4 ? `…${serial.slice(-4)}` : serial
}

function health({ smart }: DiskJson): string {
  const { state, figures } = smart
  const verdict =
    figures === null ? undefined : figures.passed === false ? "FAILING" : figures.passed ? "ok" : undefined
  if (state === "told") return verdict ?? "unknown"
  return verdict === undefined ? state : `${state}, was ${verdict}`
}

function temperature({ smart }: DiskJson): string {
  const { temperatureC = null } = smart.figures ?? {}
  return temperatureC === null ? "-" : `${temperatureC} °C`
}

/** Sectors that were replaced, wait for it or could not be read; failed reads and writes of NVMe. */
function badSectors({ smart }: DiskJson): string {
  const { reallocated = null, pending = null, uncorrectable = null, mediaErrors = null } = smart.figures ?? {}
  const known = [reallocated, pending, uncorrectable, mediaErrors].filter((count) => count !== null)
  return known.length === 0 ? "-" : String(known.reduce((sum, count) => sum + count, 0))
}

/** One line for each reason. */
function whyUnknown(disks: readonly DiskJson[]): string[] {
  const reasons = new Map<string, string[]>()
  for (const { name, smart } of disks) {
    if (smart.why !== null) reasons.set(smart.why, [...(reasons.get(smart.why) ?? []), name])
  }
  return [...reasons].map(([why, names]) => `${names.join(", ")}: health unknown: ${why}`)
}
