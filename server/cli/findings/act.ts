import type { Command } from "commander"
import {
  type AcknowledgeFindingRequest,
  type FindingShownJson,
  findingShownJson,
} from "../../http/contract/findings.js"
import type { Context } from "../context.js"
import { printable } from "../printable.js"
import { pathOf } from "./show.js"
import { untilArgument } from "./until.js"

interface ActOptions {
  readonly why?: string
  readonly until?: string
  readonly json?: boolean
}

export function actCommands(findings: Command, context: Context): void {
  withWhy(findings.command("acknowledge"), true)
    .description("say that it is known: it does not count until it is gone, gets worse, or that time is over")
    .option("--until <time>", 'such as "7d", or a time in RFC 3339')
    .action((id: string, { why = "", until, json }: ActOptions) => {
      const body: AcknowledgeFindingRequest = {
        why,
        ...(until === undefined ? {} : { until: untilArgument(until) }),
      }
      return act(pathOf(id, "acknowledge"), body, json, context)
    })
  withWhy(findings.command("reopen"), false)
    .description("take an acknowledgement back, or a closing by hand")
    .action((id: string, { why, json }: ActOptions) =>
      act(pathOf(id, "reopen"), why === undefined ? {} : { why }, json, context),
    )
  withWhy(findings.command("close"), true)
    .description("close one that was not there at the last look; what is still there is refused")
    .action((id: string, { why = "", json }: ActOptions) => act(pathOf(id, "close"), { why }, json, context))
}

function withWhy(command: Command, required: boolean): Command {
  command.argument("<id>", "its number")
  if (required) command.requiredOption("--why <text>", "why, for whoever reads it later")
  else command.option("--why <text>", "why, for whoever reads it later")
  return command.option("--json", "print JSON")
}

async function act(path: string, body: object, json: boolean | undefined, context: Context): Promise<void> {
  const answer: FindingShownJson = await context.daemon().post(path, body, findingShownJson)
  if (json === true) context.out.json(answer)
  else {
    const { id, state, title } = answer.finding
    context.out.text(`Finding ${id} is ${state}: ${printable(title)}`)
  }
}
