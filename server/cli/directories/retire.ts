import { type Command, InvalidArgumentError } from "commander"
import {
  DEFAULT_HOLD_DAYS,
  directoryPaths,
  retiredJson,
  type RetiredJson,
  type RetireDirectoryRequest,
} from "../../http/contract/directories.js"
import type { Context } from "../context.js"
import { expected, refusal } from "../daemon-client.js"
import { exitCodes } from "../exit-codes.js"
import { formatTime } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import { targetArgument, type TargetOptions, withTarget } from "./target-argument.js"

interface RetireOptions extends TargetOptions {
  readonly hold: number
  readonly accept: readonly string[]
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function retireCommand(directories: Command, context: Context): void {
  withTarget(directories.command("retire"))
    .description("move a directory out of use, to the store's quarantine, from where it can be restored")
    .option("--hold <days>", "how long nobody may delete it", days, DEFAULT_HOLD_DAYS)
    .option("--accept <id...>", "acknowledge what is lost by it, by the ids that are shown", [])
    .option("--force", "also while an engine writes there, or seems to")
    .option("--dry-run", "only show what would be retired")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((argument: string, options: RetireOptions) => retire(argument, options, context))
}

function days(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) > 3650)
    throw new InvalidArgumentError("a number of days is wanted, at most 3650")
  return Number(text)
}

async function retire(argument: string, options: RetireOptions, context: Context): Promise<void> {
  const { out } = context
  const request: RetireDirectoryRequest = {
    ...targetArgument(argument, options),
    holdDays: options.hold,
    accept: [...options.accept],
    force: options.force ?? false,
  }
  const plan = await send({ ...request, dryRun: true }, context)
  const open = plan.acknowledgements.filter(({ accepted }) => !accepted)
  if (options.json !== true) out.text(renderPlan(plan, out))
  if (options.dryRun === true) {
    if (options.json === true) out.json(plan)
    return
  }
  if (open.length > 0) {
    if (options.json === true) out.json(plan)
    else
      out.note(
        `Nothing was retired. Acknowledge with: ${open.map(({ id }) => `--accept ${printable(id)}`).join(" ")}`,
      )
    context.exitWith(exitCodes.refused)
    return
  }
  const asks = out.interactive && options.yes !== true && options.json !== true
  if (asks && !(await context.confirm("Retire this directory?"))) {
    out.note("Nothing was retired.")
    return
  }
  const done = await send({ ...request, basis: plan.basis }, context)
  if (options.json === true) out.json(done)
  else {
    out.text(
      `Retired. \`cistern directories restore ${done.id ?? ""}\` puts it back; it may be purged after ${formatTime(done.holdUntil)} UTC.`,
    )
  }
  // Something new has to be acknowledged since it was shown.
  if (!done.retired) context.exitWith(exitCodes.refused)
}

async function send(request: RetireDirectoryRequest, context: Context): Promise<RetiredJson> {
  const reply = await context.daemon().send("POST", directoryPaths.retire, request)
  // With acknowledgements missing the plan comes back under status 409.
  if (reply.status === 200 || retiredJson.safeParse(reply.body).success) return expected(reply, retiredJson)
  throw refusal(reply)
}

function renderPlan({ directory, holdUntil, acknowledgements }: RetiredJson, out: Output): string {
  const lines = [
    `${out.colour("red", "-")} ${printable(directory)} is moved to the store's quarantine, and kept until ${formatTime(holdUntil)} UTC at least`,
  ]
  for (const { id, why, accepted } of acknowledgements) {
    const title = accepted ? "acknowledged" : "must be acknowledged"
    lines.push(
      `${out.colour(accepted ? "green" : "red", title)}: ${printable(why)}`,
      `  --accept ${printable(id)}`,
    )
  }
  return lines.join("\n")
}
