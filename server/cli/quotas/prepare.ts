import type { Command } from "commander"
import { type PrepareQuotasRequest, quotaPaths, quotasPreparedJson } from "../../http/contract/quotas.js"
import { CliError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { printable } from "../printable.js"

interface PrepareOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function prepareCommand(quotas: Command, context: Context): void {
  quotas
    .command("prepare")
    .argument("<store>", "the store, or store:path for a filesystem that is mounted in it")
    .description("have the whole filesystem under a store count what its directories hold (btrfs)")
    .option("--dry-run", "only show what would be done, and what it costs")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((argument: string, options: PrepareOptions) => prepare(argument, options, context))
}

async function prepare(argument: string, options: PrepareOptions, context: Context): Promise<void> {
  const { out } = context
  const [store = "", path = ""] = argument.split(/:(.*)/s)
  const send = (request: PrepareQuotasRequest) =>
    context.daemon().post(quotaPaths.prepare, request, quotasPreparedJson)
  const plan = await send({ store, path, dryRun: true })
  if (options.json !== true) {
    const steps = plan.steps.length === 0 ? ["It counts already: nothing has to be done."] : plan.steps
    const costs = plan.steps.length === 0 ? [] : plan.costs.map((cost) => `  note: ${cost}`)
    out.text([...steps, ...costs].map((line) => printable(line)).join("\n"))
  }
  if (options.dryRun === true || plan.steps.length === 0) {
    if (options.json === true) out.json(plan)
    return
  }
  // It is for more than the store, so a script has to say that it is meant.
  if (options.yes !== true) {
    if (!out.interactive || options.json === true) {
      throw new CliError("not_confirmed", "it is for the whole filesystem", exitCodes.refused, {
        hint: "Say --yes if that is meant.",
      })
    }
    if (!(await context.confirm(`Do this to the filesystem at ${printable(plan.mountPoint)}?`))) {
      out.note("Nothing was changed.")
      return
    }
  }
  const done = await send({ store, path, basis: plan.basis })
  if (options.json === true) out.json(done)
  else
    out.text("Quotas are enabled. The kernel counts now; `cistern quotas` says when limits may not hold yet.")
}
