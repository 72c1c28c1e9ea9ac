import type { Command } from "commander"
import {
  directoryPaths,
  type RepairDirectoryRequest,
  type RepairJson,
  repairRunJson,
  repairsJson,
  type RepairsJson,
  undoRunJson,
} from "../../http/contract/directories.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatTime } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"
import { followRun } from "./follow-run.js"
import { targetArgument, type TargetOptions, withTarget } from "./target-argument.js"

interface RepairOptions extends TargetOptions {
  readonly recursive?: boolean
  readonly hardLinks?: boolean
  readonly force?: boolean
  readonly acceptMount?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

const columns: readonly Column<RepairsJson["repairs"][number]>[] = [
  { title: "ID", of: ({ id }) => id },
  { title: "WHEN (UTC)", of: ({ at }) => formatTime(at) },
  { title: "DIRECTORY", of: ({ store, path }) => `${store}:${path}` },
  { title: "WHAT", of: ({ recursive }) => (recursive ? "all below it" : "it alone") },
  { title: "BY", of: ({ by }) => by },
]

export function repairCommands(directories: Command, context: Context): void {
  withTarget(directories.command("repair"))
    .description(
      "give a directory to whom it should belong; shows every kind of change first, and keeps what it was",
    )
    .option("--recursive", "also all that lies below it")
    .option("--hard-links", "also files that have further names, which may lie elsewhere")
    .option("--force", "also while an engine writes there, or seems to")
    .option("--accept-mount <path>", "a filesystem that is mounted on the way belongs there")
    .option("--dry-run", "only show what would change")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((argument: string, options: RepairOptions) => repair(argument, options, context))
  directories
    .command("repairs")
    .description("list the repairs that can be undone")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(directoryPaths.repairs, repairsJson)
      if (json === true) context.out.json(answer)
      else context.out.table(answer.repairs, columns, "There is no repair to undo.")
    })
  directories
    .command("undo")
    .argument("<id>", "the repair, as `repairs` lists it")
    .description("give everything back that a repair changed, to whom it belonged before")
    .option("--store <name>", "the store; may be left out where no other one has a repair of that id")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((id: string, options: UndoOptions) => undo(id, options, context))
}

async function repair(argument: string, options: RepairOptions, context: Context): Promise<void> {
  const { out } = context
  const { acceptMount } = options
  const request: RepairDirectoryRequest = {
    ...targetArgument(argument, options),
    recursive: options.recursive ?? false,
    hardLinks: options.hardLinks ?? false,
    force: options.force ?? false,
    ...(acceptMount === undefined ? {} : { acceptMount }),
  }
  const send = (body: RepairDirectoryRequest, what: string): Promise<RepairJson> =>
    followRun({ path: directoryPaths.repair, body, schema: repairRunJson }, what, context)
  const plan = await send({ ...request, dryRun: true }, "looked at")
  const asks = out.interactive && options.yes !== true && options.dryRun !== true && options.json !== true
  if (options.json !== true) out.text(renderPlan(plan, out))
  if (options.dryRun === true || plan.changes === 0) {
    if (options.json === true) out.json(plan)
    return
  }
  if (asks && !(await context.confirm(`Change ${plan.changes} of ${plan.looked}?`))) {
    out.note("Nothing was changed.")
    return
  }
  const done = await send({ ...request, basis: plan.basis }, "repaired")
  if (options.json === true) out.json(done)
  else out.text(renderDone(done))
  if (done.otherwise.count > 0) context.exitWith(exitCodes.wrong)
}

function renderPlan(plan: RepairJson, out: Output): string {
  const lines = plan.examples.map(({ path, from, to }) => {
    const owner = `${from.uid}:${from.gid} -> ${to.uid}:${to.gid}`
    const mode = from.mode === to.mode ? `mode ${from.mode}` : `mode ${from.mode} -> ${to.mode}`
    return `${out.colour("yellow", "~")} ${printable(path)}: ${owner}, ${mode}`
  })
  const more = plan.changes - plan.examples.length
  if (more > 0) lines.push(`  and ${more} more`)
  lines.push(
    plan.changes === 0
      ? `Nothing changes; ${plan.looked} looked at.`
      : `${plan.changes} of ${plan.looked} looked at change. Contents and names stay as they are.`,
  )
  return [
    ...lines,
    ...plan.leftAlone.map((one) => out.colour("yellow", `left alone: ${printable(one)}`)),
  ].join("\n")
}

function renderDone({ id, changed, otherwise }: RepairJson): string {
  const lines = [`Changed ${changed}. \`cistern directories undo ${id ?? ""}\` takes it back.`]
  if (otherwise.count > 0) lines.push(left(otherwise))
  return lines.join("\n")
}

function left({ count, example }: RepairJson["otherwise"]): string {
  return `${count} had changed meanwhile and were left alone, such as ${printable(example ?? "")}.`
}

interface UndoOptions {
  readonly store?: string
  readonly yes?: boolean
  readonly json?: boolean
}

async function undo(id: string, options: UndoOptions, context: Context): Promise<void> {
  const { out } = context
  const store = options.store ?? (await storeOfRepair(id, context))
  const asks = out.interactive && options.yes !== true && options.json !== true
  if (asks && !(await context.confirm(`Undo repair ${id} of store ${store}?`))) {
    out.note("Nothing was changed.")
    return
  }
  const undone = await followRun(
    { path: directoryPaths.undo, body: { store, id }, schema: undoRunJson },
    "undone",
    context,
  )
  if (options.json === true) out.json(undone)
  else {
    const said = `Gave back ${undone.changed} in ${printable(`${store}:${undone.path}`)}.`
    out.text(undone.otherwise.count === 0 ? said : `${said}\n${left(undone.otherwise)}`)
  }
  if (undone.otherwise.count > 0) context.exitWith(exitCodes.wrong)
}

async function storeOfRepair(id: string, context: Context): Promise<string> {
  const { repairs } = await context.daemon().get(directoryPaths.repairs, repairsJson)
  const found = repairs.filter((one) => one.id === id)
  const [first] = found
  if (first !== undefined && found.length === 1) return first.store
  throw usageError(
    first === undefined ? `there is no repair ${id} to undo` : `several stores have a repair ${id}`,
    first === undefined ? "`cistern directories repairs` lists them." : "Name one with --store.",
  )
}
