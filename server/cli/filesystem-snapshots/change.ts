import type { Command } from "commander"
import {
  createSnapshotRunJson,
  type FilesystemSnapshotJson,
  filesystemSnapshotPaths,
  removeSnapshotRunJson,
  snapshotHeldJson,
  USUAL_HOLDER,
} from "../../http/contract/filesystem-snapshots.js"
import type { Context } from "../context.js"
import { followRun } from "../directories/follow-run.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"
import { snapshotArgument } from "./snapshot-argument.js"

interface CreateOptions {
  readonly reason: string
  readonly hold?: string
  readonly json?: boolean
}

interface HoldOptions {
  readonly holder: string
  readonly of?: string
  readonly json?: boolean
}

interface RemoveOptions {
  readonly of?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function changeCommands(snapshots: Command, context: Context): void {
  snapshots
    .command("create")
    .argument("<store>", "the store")
    .description("make one now, of the store and of each subvolume or dataset that a repository in it is")
    .option("--reason <words>", "why: letters and digits, with - between words", "by-hand")
    .option("--hold <who>", "hold it from its first moment")
    .option("--json", "print JSON")
    .action((store: string, options: CreateOptions) => create(store, options, context))
  for (const verb of ["hold", "release"] as const)
    snapshots
      .command(verb)
      .argument("<id>", "store@name, as the list shows it")
      .description(verb === "hold" ? "keep one until it is released" : "let go of one")
      .option("--holder <who>", "who holds it; TrueNAS and DSM know one hold without a name", USUAL_HOLDER)
      .option("--of <tree>", "where several have that name")
      .option("--json", "print JSON")
      .action((id: string, options: HoldOptions) => setHold(verb, id, options, context))
  snapshots
    .command("remove")
    .argument("<id>", "store@name, as the list shows it")
    .description("remove one for good; never one that is held, nor the newest")
    .option("--of <tree>", "where several have that name")
    .option("--dry-run", "only show what would be removed")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((id: string, options: RemoveOptions) => remove(id, options, context))
}

async function create(store: string, { reason, hold, json }: CreateOptions, context: Context): Promise<void> {
  const { out } = context
  const body = { store, reason, ...(hold === undefined ? {} : { hold }) }
  const answer = await followRun(
    { path: filesystemSnapshotPaths.list, body, schema: createSnapshotRunJson },
    "made",
    context,
  )
  if (answer.failed.length > 0 || answer.made.length === 0) context.exitWith(exitCodes.unclear)
  if (json === true) {
    out.json(answer)
    return
  }
  const lines = [
    ...answer.made.map(({ id, of }) => `Made ${id} of ${of}.`),
    ...answer.failed.map(({ of, problem }) =>
      `None of ${of}: ${problem.message}. ${problem.hint ?? ""}`.trimEnd(),
    ),
  ]
  out.text(lines.map((line) => printable(line)).join("\n"))
}

async function setHold(
  verb: "hold" | "release",
  id: string,
  { holder, of, json }: HoldOptions,
  context: Context,
): Promise<void> {
  const body = { ...snapshotArgument(id, of === undefined ? {} : { of }), holder }
  const { snapshot } = await context.daemon().post(filesystemSnapshotPaths[verb], body, snapshotHeldJson)
  if (json === true) context.out.json({ snapshot })
  else {
    const holds = snapshot.holds.length === 0 ? "nobody" : snapshot.holds.join(", ")
    context.out.text(printable(`${snapshot.id} is held by ${holds}.`))
  }
}

async function remove(id: string, options: RemoveOptions, context: Context): Promise<void> {
  const { out } = context
  const { of } = options
  const named = snapshotArgument(id, of === undefined ? {} : { of })
  const send = (dryRun: boolean) =>
    followRun(
      { path: filesystemSnapshotPaths.remove, body: { ...named, dryRun }, schema: removeSnapshotRunJson },
      "removed",
      context,
    )
  const plan = await send(true)
  if (options.json !== true) out.text(printable(planText(plan.snapshot)))
  if (options.dryRun === true) {
    if (options.json === true) out.json(plan)
    return
  }
  const asks = out.interactive && options.yes !== true && options.json !== true
  if (asks && !(await context.confirm("Remove it for good?"))) {
    out.note("Nothing was removed.")
    return
  }
  const done = await send(false)
  if (options.json === true) out.json(done)
  else out.text(printable(`Removed ${done.snapshot.id}.`))
}

function planText({ id, of, createdAt, reason, ownBytes }: FilesystemSnapshotJson): string {
  const frees = ownBytes === null ? "what it frees is not known" : `it frees ${formatBytes(ownBytes)}`
  return `- ${id} of ${of}, made ${formatTime(createdAt)} UTC (${reason ?? "no reason"}): ${frees}`
}
