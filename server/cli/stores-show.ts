import type { Command } from "commander"
import { adminPaths, type StoreJson, storesJson } from "../http/contract/admin.js"
import type { StoreFactsJson } from "../http/contract/store-facts.js"
import { CliError } from "./cli-error.js"
import type { Context } from "./context.js"
import { exitCodes } from "./exit-codes.js"
import { formatBytes, formatTime } from "./figures.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"

export function storesShowCommand(stores: Command, context: Context): void {
  stores
    .command("show")
    .argument("<name>", "the store")
    .description("show what a store's filesystem can do, how it is, and what should be changed")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(adminPaths.stores, storesJson)
      const store = answer.stores.find((one) => one.name === name)
      if (store === undefined) {
        throw new CliError("not_found", `no store is called ${name}`, exitCodes.wrong, {
          hint: "`cistern stores` lists them.",
        })
      }
      if (json === true) context.out.json(store)
      else context.out.text(render(store, context.out))
    })
}

/** "1 fail, 2 warn"; "-" where there is none, and "unknown" where nobody could look. */
export function adviceSummary({ facts, advice }: StoreJson): string {
  if (facts === null) return "unknown"
  const counts = (["fail", "warn", "info"] as const).flatMap((severity) => {
    const count = advice.filter((one) => one.severity === severity).length
    return count === 0 ? [] : [`${count} ${severity}`]
  })
  return counts.length === 0 ? "-" : counts.join(", ")
}

const colours = { fail: "red", warn: "yellow", info: "dim" } as const

function render(store: StoreJson, out: Output): string {
  const { facts, problem } = store
  const rows: (readonly [string, string])[] = [
    ["state", problem === null ? store.state : `${store.state}: ${problem.message}`],
    ["path", store.path],
    ["size", `${formatBytes(store.totalBytes)}, ${formatBytes(store.freeBytes)} free`],
    ...(facts === null ? [["filesystem", "unknown"] as const] : factRows(facts)),
  ]
  const advice = store.advice.flatMap(({ severity, message, hint }) => [
    `${out.colour(colours[severity], severity)}  ${printable(message)}`,
    `      ${printable(hint)}`,
  ])
  return [
    out.colour("bold", printable(store.name)),
    ...rows.map(([name, value]) => `${name.padEnd(13)}${printable(value)}`),
    ...advice,
  ].join("\n")
}

function factRows(facts: StoreFactsJson): (readonly [string, string])[] {
  const { inodes, errors, redundancy, disks, sync, options } = facts
  return [
    [
      "filesystem",
      `${facts.type} ${facts.source} at ${facts.mountPoint}${facts.readOnly ? ", read-only" : ""}`,
    ],
    ["options", options.length === 0 ? "-" : options.join(",")],
    ["inodes", inodes === null ? "as needed" : `${inodes.free} of ${inodes.total} free`],
    ["checksums", checksums[facts.checksums]],
    ["snapshots", snapshots[facts.snapshots]],
    ["compression", facts.compression ?? "unknown"],
    ["sync", sync.why === null ? syncs[sync.kind] : `${syncs[sync.kind]}: ${sync.why}`],
    ["errors", errors === null ? "unknown" : errors.count === 0 ? "none counted" : errors.kinds.join(", ")],
    ["redundancy", redundancy.length === 0 ? "none known" : redundancy.map(redundancyWord).join("; ")],
    ["disks", disks === null ? "unknown" : disks.join(" ")],
    ["looked at", `${formatTime(facts.readAt)} (UTC)`],
  ]
}

const checksums: Record<StoreFactsJson["checksums"], string> = {
  data: "of files",
  metadata: "of its own structures only",
  none: "none",
  unknown: "unknown",
}

const snapshots: Record<StoreFactsJson["snapshots"], string> = {
  subvolume: "of the store, a subvolume",
  subvolume_around: "only of the subvolume around the store",
  dataset: "of the dataset",
  reflink: "none, but files can share blocks (reflink)",
  none: "none",
  unknown: "unknown",
}

const syncs: Record<StoreFactsJson["sync"]["kind"], string> = {
  disk: "reaches the disk",
  uncertain: "may be lost in a power cut",
  memory: "lost at a restart",
  unknown: "unknown",
}

function redundancyWord({ name, level, degraded }: StoreFactsJson["redundancy"][number]): string {
  const state = degraded === null ? "state unknown" : degraded ? "DEGRADED" : "no device is missing"
  return `${name}${level === null ? "" : ` ${level}`}, ${state}`
}
