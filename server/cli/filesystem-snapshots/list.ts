import type { Command } from "commander"
import {
  type FilesystemSnapshotJson,
  filesystemSnapshotPaths,
  filesystemSnapshotsJson,
  type RetentionJson,
  retentionJson,
  type SnapshotStoreJson,
} from "../../http/contract/filesystem-snapshots.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"

const columns: readonly Column<FilesystemSnapshotJson>[] = [
  { title: "ID", of: ({ id }) => id },
  { title: "MADE (UTC)", of: ({ createdAt }) => formatTime(createdAt) },
  { title: "OF", of: ({ of }) => of },
  { title: "REASON", of: ({ ours, reason }) => (ours ? (reason ?? "-") : "(not Cistern's)") },
  { title: "STATE", of: ({ state }) => state },
  { title: "HELD BY", of: ({ holds }) => (holds.length === 0 ? "-" : holds.join(", ")) },
  { title: "FREES", of: ({ ownBytes }) => formatBytes(ownBytes), align: "right" },
]

const verdictColumns: readonly Column<RetentionJson["verdicts"][number]>[] = [
  { title: "", of: ({ goes }) => (goes ? "-" : " ") },
  { title: "ID", of: ({ snapshot }) => snapshot.id },
  { title: "OF", of: ({ snapshot }) => snapshot.of },
  { title: "WHY", of: ({ reasons }) => reasons.join(", ") },
  { title: "FREES", of: ({ snapshot }) => formatBytes(snapshot.ownBytes), align: "right" },
]

interface JsonOption {
  readonly json?: boolean
}

export function listCommands(snapshots: Command, context: Context): void {
  const { out } = context
  snapshots
    .command("list", { isDefault: true })
    .description("list them, with the schedule of each store")
    .option("--store <name>", "only of this store")
    .option("--json", "print JSON")
    .action(async ({ store, json }: JsonOption & { readonly store?: string }) => {
      const answer = await context
        .daemon()
        .get(filesystemSnapshotPaths.list, filesystemSnapshotsJson, { store })
      if (answer.stores.some(({ problem }) => problem !== null)) context.exitWith(exitCodes.unclear)
      if (json === true) {
        out.json(answer)
        return
      }
      const rows = answer.stores.flatMap((one) => one.snapshots)
      out.table(rows, columns, "There is no filesystem snapshot.")
      out.text(
        answer.stores
          .flatMap(aboutStore)
          .map((line) => printable(line))
          .join("\n"),
      )
    })
  snapshots
    .command("retention")
    .argument("<store>", "the store")
    .description(
      "show which ones the next scheduled run would remove, and why the others stay; removes nothing",
    )
    .option("--json", "print JSON")
    .action(async (store: string, { json }: JsonOption) => {
      const answer = await context.daemon().get(filesystemSnapshotPaths.retention, retentionJson, { store })
      if (json === true) out.json(answer)
      else out.table(answer.verdicts, verdictColumns, "There is no filesystem snapshot.")
    })
}

function aboutStore({ store, by, schedule, problem, trees }: SnapshotStoreJson): string[] {
  const lines = [`Store ${store}: ${by ?? "none can be made"}, ${scheduleText(schedule)}`]
  if (problem !== null) lines.push(`  ${problem.message}`)
  for (const { of, possible, message, hint } of trees)
    if (!possible) lines.push(`  ${of}: ${message ?? ""}. ${hint ?? ""}`)
  return lines
}

function scheduleText(schedule: SnapshotStoreJson["schedule"]): string {
  if (schedule === null) return "no schedule."
  const { last, nextAt } = schedule
  const before =
    last === null
      ? "no run yet"
      : `last run ${last.outcome} at ${formatTime(last.at)}${last.detail === null ? "" : `: ${last.detail}`}`
  return `${schedule.schedule}, next at ${formatTime(nextAt)}, ${before}.`
}
