import type { Command } from "commander"
import { type ExistsBody, existsBody } from "../http/contract/exists.js"
import type { Context } from "./context.js"
import { expected, refusal } from "./daemon-client.js"
import { exitCodes } from "./exit-codes.js"
import { formatBytes, formatCount, formatProof, formatTime } from "./figures.js"
import { printable } from "./printable.js"
import { volumeArgument } from "./volume-argument.js"

interface Options {
  readonly cluster?: string
  readonly json?: boolean
}

export function existsCommand(program: Command, context: Context): void {
  program
    .command("exists")
    .argument("<namespace/pvc>", "the volume")
    .description("say whether there is a backup for a volume: restore, fresh or unknown")
    .option("--cluster <name>", "the volume's cluster; may be left out when there is one")
    .option("--json", "print the body of /exists with its evidence")
    .action(async (argument: string, options: Options) => {
      const { namespace, pvc } = volumeArgument(argument)
      const prefix = options.cluster === undefined ? "" : `/clusters/${encodeURIComponent(options.cluster)}`
      const reply = await context.daemon().send("GET", `${prefix}/exists/${namespace}/${pvc}?evidence=1`)
      if (reply.status !== 200 && reply.status !== 503) throw refusal(reply)
      const body = expected(reply, existsBody)
      if (options.json === true) context.out.json(body)
      else context.out.text(renderAnswer(body, context))
      if (body.decision === "unknown") context.exitWith(exitCodes.unclear)
    })
}

const colours = { restore: "green", fresh: "green", unknown: "red" } as const

function renderAnswer(body: ExistsBody, { out }: Context): string {
  const { decision, namespace, pvc, evidence } = body
  const lines = [`${out.colour(colours[decision], decision)}  ${namespace}/${pvc}`]
  const add = (name: string, value: string) => lines.push(`${name.padEnd(12)}${printable(value)}`)
  if (evidence !== undefined) add("reason", evidence.reason)
  if (body.decision === "unknown") add("error", body.error)
  if (body.source !== undefined) add("source", body.source)
  if (evidence !== undefined) {
    add("repository", evidence.repository ?? "-")
    add("snapshots", formatCount(evidence.snapshots))
    add("newest", formatTime(evidence.newest))
    add("oldest", formatTime(evidence.oldest))
    add("size", formatBytes(evidence.bytes))
    add("files", formatCount(evidence.files))
    add("verified", formatProof(evidence.verified))
    add("drilled", formatProof(evidence.drilled))
  }
  return lines.join("\n")
}
