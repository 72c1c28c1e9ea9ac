import type { Command } from "commander"
import {
  filesystemSnapshotPaths,
  type RollBackJson,
  type RollBackRequest,
  rollBackRunJson,
  settledJson,
  type UnfinishedRollBackJson,
  unfinishedRollBacksJson,
} from "../../http/contract/filesystem-snapshots.js"
import type { Context } from "../context.js"
import { followRun } from "../directories/follow-run.js"
import { targetArgument, type TargetOptions, withTarget } from "../directories/target-argument.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"

interface RollBackOptions extends TargetOptions {
  readonly to: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

const columns: readonly Column<UnfinishedRollBackJson>[] = [
  { title: "STORE", of: ({ store }) => store },
  { title: "ID", of: ({ id }) => id },
  { title: "STATE", of: ({ state }) => state },
  { title: "WHAT IS WHERE", of: ({ message }) => message },
]

export function rollBackCommands(snapshots: Command, context: Context): void {
  withTarget(snapshots.command("roll-back"))
    .description(
      "make a directory what it was in a filesystem snapshot; shows what would be done first, and keeps what is there now",
    )
    .requiredOption("--to <name>", "the filesystem snapshot's name, with or without store@ before it")
    .option("--force", "also while an engine writes there, or clients cannot be kept out")
    .option("--dry-run", "only show what would be done")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((argument: string, options: RollBackOptions) => rollBack(argument, options, context))
  snapshots
    .command("roll-backs")
    .description("list roll backs that were interrupted, and what is where")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { out } = context
      const answer = await context.daemon().get(filesystemSnapshotPaths.rollBacks, unfinishedRollBacksJson)
      if (answer.rollBacks.length > 0) context.exitWith(exitCodes.wrong)
      else if (answer.unknown.length > 0) context.exitWith(exitCodes.unclear)
      if (json === true) {
        out.json(answer)
        return
      }
      out.table(answer.rollBacks, columns, "No roll back was interrupted.")
      for (const line of answer.unknown) out.note(printable(line))
    })
  snapshots
    .command("settle")
    .argument("<store>", "the store")
    .argument("<id>", "the roll back, as `roll-backs` lists it")
    .description("end a roll back that was interrupted: a directory that is away comes back as it was")
    .option("--json", "print JSON")
    .action(async (store: string, id: string, { json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().post(filesystemSnapshotPaths.settle, { store, id }, settledJson)
      if (json === true) context.out.json(answer)
      else context.out.text(printable(settledText(answer.settled)))
    })
}

async function rollBack(argument: string, options: RollBackOptions, context: Context): Promise<void> {
  const { out } = context
  const request: RollBackRequest = {
    ...targetArgument(argument, options),
    to: options.to.slice(options.to.indexOf("@") + 1),
    force: options.force ?? false,
  }
  const send = (body: RollBackRequest, what: string): Promise<RollBackJson> =>
    followRun({ path: filesystemSnapshotPaths.rollBack, body, schema: rollBackRunJson }, what, context)
  const plan = await send({ ...request, dryRun: true }, "looked at")
  if (options.json !== true) out.text(planText(plan, out))
  if (options.dryRun === true) {
    if (options.json === true) out.json(plan)
    return
  }
  const asks = out.interactive && options.yes !== true && options.json !== true
  if (asks && !(await context.confirm(`Roll ${plan.directory} back?`))) {
    out.note("Nothing was changed.")
    return
  }
  const done = await send({ ...request, basis: plan.basis }, "rolled back")
  if (options.json === true) out.json(done)
  else
    out.text(
      printable(
        `Rolled ${done.directory} back to ${done.snapshot}. What was there is at ${done.aside ?? ""}.`,
      ),
    )
}

function planText({ directory, snapshot, now, then, steps, notices }: RollBackJson, out: Output): string {
  const size = ({ files, bytes }: RollBackJson["now"]): string => `${files} files, ${formatBytes(bytes)}`
  return [
    `${out.colour("yellow", "~")} ${printable(directory)}: ${size(now)} -> ${size(then)}, as in ${printable(snapshot)}`,
    ...steps.map((step, at) => `  ${at + 1}. ${printable(step)}`),
    ...notices.map((notice) => out.colour("yellow", printable(notice))),
  ].join("\n")
}

function settledText({ state, directory, aside }: UnfinishedRollBackJson): string {
  const where = directory ?? "The directory"
  if (state === "between") return `${where} is back as it was before.`
  if (state === "after")
    return `${where} was rolled back already; what was there before is at ${aside ?? "its place"}.`
  return `${where} is as it was; nothing had been changed.`
}
