import { type Command, InvalidArgumentError } from "commander"
import { byteSizeForm, parseByteSize } from "../../config/index.js"
import {
  type QuotaJson,
  quotaPaths,
  type QuotaSetJson,
  quotaSetRunJson,
  quotasJson,
  type SetQuotaRequest,
} from "../../http/contract/quotas.js"
import { CliError } from "../cli-error.js"
import type { Context } from "../context.js"
import { targetArgument, type TargetOptions, withTarget } from "../directories/target-argument.js"
import { followRun } from "../directories/follow-run.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"

interface SetOptions extends TargetOptions {
  readonly belowUse?: boolean
  readonly takeIn?: boolean
  readonly acceptMount?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function setCommands(quotas: Command, context: Context): void {
  withChoices(withTarget(quotas.command("set")))
    .argument("[limit]", 'such as "200GiB"; left out, what the document declares', limitArgument)
    .description("limit a directory, if its filesystem can; shows what is done first, and reads it back")
    .option("--below-use", "also below what it holds already: nothing more can be written to it")
    .option(
      "--take-in",
      "also when it holds files already, where the filesystem can (XFS): walks through all of it",
    )
    .action((argument: string, limit: number | undefined, options: SetOptions) =>
      one({ ...targetArgument(argument, options), limitBytes: limit ?? "declared" }, options, context),
    )
  withChoices(withTarget(quotas.command("lift")))
    .description("take the limit of a directory away")
    .action((argument: string, options: SetOptions) =>
      one({ ...targetArgument(argument, options), limitBytes: "none" }, options, context),
    )
  quotas
    .command("apply")
    .description("set every declared limit that its filesystem can hold and does not")
    .option("--store <name>", "only those of this store")
    .option("--repository <name>", "only those of this repository")
    .option("--dry-run", "only show what would be set")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((options: ApplyOptions) => applyDeclared(options, context))
}

function withChoices(command: Command): Command {
  return command
    .option("--accept-mount <path>", "a filesystem that is mounted on the way belongs there")
    .option("--dry-run", "only show what would be done")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
}

function limitArgument(text: string): number {
  const bytes = parseByteSize(text)
  if (bytes === undefined) throw new InvalidArgumentError(`${byteSizeForm}.`)
  return bytes
}

async function one(named: SetQuotaRequest, options: SetOptions, context: Context): Promise<void> {
  const { out } = context
  const request: SetQuotaRequest = {
    ...named,
    belowUse: options.belowUse ?? false,
    takeIn: options.takeIn ?? false,
    ...(options.acceptMount === undefined ? {} : { acceptMount: options.acceptMount }),
  }
  const plan = await send({ ...request, dryRun: true }, context)
  if (options.json !== true) out.text(renderPlan(plan, out))
  if (options.dryRun === true || plan.steps.length === 0) {
    if (options.json === true) out.json(plan)
    return
  }
  const asks = out.interactive && options.yes !== true && options.json !== true
  if (asks && !(await context.confirm("Do this?"))) {
    out.note("Nothing was changed.")
    return
  }
  const done = await send({ ...request, basis: plan.basis }, context)
  if (options.json === true) out.json(done)
  else out.text(renderDone(done))
}

interface ApplyOptions {
  readonly store?: string
  readonly repository?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

/** What is declared and not so, and what only has to be set for it. */
const settable: ReadonlySet<string> = new Set(["not_set", "other_limit"])

async function applyDeclared(options: ApplyOptions, context: Context): Promise<void> {
  const { out } = context
  const { store, repository } = options
  const { quotas } = await context.daemon().get(quotaPaths.quotas, quotasJson, { store, repository })
  const open = quotas.filter(({ findings }) => findings.some(({ code }) => settable.has(code)))
  const unread = quotas.filter(({ lookedAt, declaredBytes }) => lookedAt === null && declaredBytes !== null)
  const plans: QuotaSetJson[] = []
  const failed: { row: QuotaJson; message: string }[] = []
  const attempt = async (
    row: QuotaJson,
    work: () => Promise<QuotaSetJson>,
  ): Promise<QuotaSetJson | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      failed.push({ row, message: error.message })
      return undefined
    }
  }
  const requestOf = (row: QuotaJson): SetQuotaRequest => ({
    store: row.store,
    path: row.path,
    limitBytes: "declared",
  })
  const todo: { row: QuotaJson; plan: QuotaSetJson }[] = []
  for (const row of open) {
    const plan = await attempt(row, () => send({ ...requestOf(row), dryRun: true }, context))
    if (plan === undefined) continue
    todo.push({ row, plan })
    if (options.json !== true) out.text(renderPlan(plan, out))
  }
  const asks = out.interactive && options.yes !== true && options.json !== true
  const goes =
    options.dryRun !== true &&
    todo.length > 0 &&
    (!asks || (await context.confirm(`Set ${todo.length} limits?`)))
  for (const { row, plan } of todo) {
    const done = goes
      ? await attempt(row, () => send({ ...requestOf(row), basis: plan.basis }, context))
      : plan
    if (done !== undefined) plans.push(done)
  }
  if (options.json === true) {
    out.json({ quotas: plans, failed: failed.map(({ row, message }) => ({ ...placeOf(row), message })) })
  } else {
    const set = plans.filter(({ applied }) => applied).length
    out.text(open.length === 0 ? "Every declared limit that can be set is set." : `Set ${set} limits.`)
    for (const { row, message } of failed)
      out.note(`not set: ${printable(`${row.store}:${row.path}: ${message}`)}`)
  }
  if (unread.length > 0) out.note(`${unread.length} directories could not be looked at in time: ask again.`)
  if (failed.length > 0) context.exitWith(exitCodes.refused)
  else if (unread.length > 0) context.exitWith(exitCodes.unclear)
}

function placeOf({ store, path }: QuotaJson): { store: string; path: string } {
  return { store, path }
}

function send(body: SetQuotaRequest, context: Context): Promise<QuotaSetJson> {
  return followRun({ path: quotaPaths.set, body, schema: quotaSetRunJson }, "under way", context)
}

function renderPlan({ directory, before, limitBytes, steps, notices }: QuotaSetJson, out: Output): string {
  const from = before.limitBytes === null ? "no limit" : formatBytes(before.limitBytes)
  const to = limitBytes === null ? "no limit" : formatBytes(limitBytes)
  const used = before.usedBytes === null ? "its use is not known" : `${formatBytes(before.usedBytes)} used`
  return [
    `${out.colour("yellow", "~")} ${printable(directory)}: ${from} -> ${to} (${used})`,
    ...(steps.length === 0 ? ["  Nothing has to be done."] : steps.map((step) => `  ${printable(step)}`)),
    ...notices.map((notice) => out.colour("yellow", `  note: ${printable(notice)}`)),
  ].join("\n")
}

function renderDone({ directory, after }: QuotaSetJson): string {
  const limit = after?.limitBytes ?? null
  const now = limit === null ? "has no limit" : `is limited to ${formatBytes(limit)}`
  const held = after?.enforced === false && limit !== null ? ", and nothing holds writers to it" : ""
  return `${printable(directory)} ${now}${held}; that was read back.`
}
