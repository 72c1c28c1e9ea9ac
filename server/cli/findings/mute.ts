import type { Command } from "commander"
import {
  findingPaths,
  findingShownJson,
  type MutesJson,
  mutesJson,
  type MuteFindingRequest,
} from "../../http/contract/findings.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { formatTime } from "../figures.js"
import type { Column } from "../table.js"
import { pathOf } from "./show.js"
import { untilArgument } from "./until.js"

type Mute = MutesJson["mutes"][number]

const columns: readonly Column<Mute>[] = [
  { title: "CODE", of: ({ code }) => code },
  { title: "SUBJECT", of: ({ subject }) => `${subject.kind} ${subject.key}` },
  { title: "UNTIL (UTC)", of: ({ until }) => formatTime(until) },
  { title: "BY", of: ({ by }) => by },
  { title: "WHY", of: ({ why }) => why },
]

interface Named {
  readonly code?: string
  readonly kind?: string
  readonly subject?: string
  readonly json?: boolean
}

export function muteCommands(findings: Command, context: Context): void {
  named(findings.command("mute"))
    .description("hear nothing of one code of one subject for a while, whoever finds it")
    .requiredOption("--until <time>", 'such as "7d", or a time in RFC 3339; within a year')
    .requiredOption("--why <text>", "why, for whoever reads it later")
    .action(async (id: string | undefined, options: Named & { until: string; why: string }) => {
      const { until, why, json } = options
      const body: MuteFindingRequest = {
        ...(await muteOf(id, options, context)),
        until: untilArgument(until),
        why,
      }
      show(await context.daemon().post(findingPaths.mute, body, mutesJson), json, context)
    })
  named(findings.command("unmute"))
    .description("hear of it again")
    .action(async (id: string | undefined, options: Named) => {
      const body = await muteOf(id, options, context)
      show(await context.daemon().post(findingPaths.unmute, body, mutesJson), options.json, context)
    })
  findings
    .command("muted")
    .description("list what is muted")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      show(await context.daemon().get(findingPaths.mutes, mutesJson), json, context)
    })
}

function named(command: Command): Command {
  return command
    .argument("[id]", "the number of a finding with that code and subject")
    .option("--code <code>", "the code, where no number is given")
    .option("--kind <kind>", "of what kind the subject is: repository, store, …")
    .option("--subject <key>", "the subject")
    .option("--json", "print JSON")
}

async function muteOf(
  id: string | undefined,
  { code, kind, subject }: Named,
  context: Context,
): Promise<Pick<MuteFindingRequest, "code" | "subject">> {
  if (id === undefined) {
    if (code !== undefined && kind !== undefined && subject !== undefined)
      return { code, subject: { kind, key: subject } }
    throw usageError("It must be said what.", "Give a finding's number, or --code, --kind and --subject.")
  }
  if (code !== undefined || kind !== undefined || subject !== undefined)
    throw usageError("A finding's number says already what.", "Leave --code, --kind and --subject out.")
  const { finding } = await context.daemon().get(pathOf(id), findingShownJson)
  return { code: finding.code, subject: finding.subject }
}

function show(answer: MutesJson, json: boolean | undefined, { out }: Context): void {
  if (json === true) out.json(answer)
  else out.table(answer.mutes, columns, "Nothing is muted.")
}
