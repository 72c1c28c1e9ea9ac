import { type Command, Option } from "commander"
import {
  type FindingJson,
  findingPaths,
  type FindingsJson,
  findingsJson,
} from "../../http/contract/findings.js"
import { usageError } from "../cli-error.js"
import type { PlaceOptions } from "../contents/place.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatTime } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"
import { findingsAt } from "./at-place.js"

const columns: readonly Column<FindingJson>[] = [
  { title: "ID", of: ({ id }) => String(id), align: "right" },
  { title: "SEVERITY", of: ({ severity }) => severity },
  { title: "STATE", of: stateOf },
  { title: "CODE", of: ({ code }) => code },
  { title: "SUBJECT", of: ({ subject }) => `${subject.kind} ${shortened(subject.key)}` },
  { title: "VOLUMES", of: ({ volumes }) => (volumes === 0 ? "-" : String(volumes)), align: "right" },
  { title: "SINCE (UTC)", of: ({ openedAt }) => formatTime(openedAt) },
  { title: "LAST SEEN (UTC)", of: ({ lastSeen }) => formatTime(lastSeen) },
]

interface ListOptions {
  readonly state?: string
  readonly all?: boolean
  readonly severity?: string
  readonly code?: string
  readonly source?: string
  readonly kind?: string
  readonly subject?: string
  readonly volume?: string
  readonly muted?: boolean
  readonly limit?: string
  readonly after?: string
  readonly json?: boolean
}

interface AllOptions extends ListOptions, Partial<PlaceOptions> {}

export function listCommand(findings: Command, context: Context): void {
  findings
    .command("list", { isDefault: true })
    .description(
      "list them, the worst first; ends with 1 when a critical or a warning is open and not muted, with 3 when something could not be looked at",
    )
    .option("--state <states>", "open, acknowledged, closed, or several with commas")
    .option("--all", "closed ones, too")
    .option("--severity <severities>", "critical, warning, info, or several with commas")
    .option("--code <code>", "only of this code")
    .option("--source <name>", "only what this one found")
    .option("--kind <kind>", "only about things of this kind: repository, store, identity, disk, …")
    .option("--subject <key>", "only about this one")
    .option("--volume <volume>", "only what touches [cluster/]namespace/pvc")
    .option("--muted", "only muted ones")
    .option("--no-muted", "no muted ones")
    .option("--limit <number>", "so many (200)")
    .option("--after <place>", "the page after that place, which the one before named")
    .option("--at <path>", "what can be told of the repository in this directory, without a daemon")
    .option("--password-file <file>", "with --at: the file that holds the password")
    .option("--password-env <name>", "with --at: the variable that holds the password")
    .addOption(new Option("--engine <engine>", "with --at: refuse any other").choices(["kopia", "restic"]))
    .option("--json", "print JSON")
    .action(async ({ at, passwordFile, passwordEnv, engine, ...options }: AllOptions) => {
      const place = {
        ...(passwordFile === undefined ? {} : { passwordFile }),
        ...(passwordEnv === undefined ? {} : { passwordEnv }),
        ...(engine === undefined ? {} : { engine }),
      }
      if (at !== undefined) {
        await listPlace({ at, ...place }, options, context)
        return
      }
      if (Object.keys(place).length > 0)
        throw usageError("--password-file, --password-env and --engine belong to --at PATH")
      const { all, state, muted, json, ...query } = options
      const answer = await context.daemon().get(findingPaths.findings, findingsJson, {
        ...query,
        state: state ?? (all === true ? "open,acknowledged,closed" : undefined),
        muted: muted === undefined ? undefined : String(muted),
      })
      if (json === true) context.out.json(answer)
      else print(answer, context.out)
      if (answer.open.critical + answer.open.warning > 0) context.exitWith(exitCodes.wrong)
      else if (answer.unknownTotal > 0) context.exitWith(exitCodes.unclear)
    })
}

/** Without a daemon nothing has a life, and nothing is filtered. */
async function listPlace(place: PlaceOptions, options: ListOptions, context: Context): Promise<void> {
  const { json, ...filters } = options
  if (Object.keys(filters).length > 0)
    throw usageError("with --at all findings are listed", "Leave the filters out; --json is for programs.")
  const { out } = context
  const { findings, exitCode } = await findingsAt(place, context)
  if (json === true) out.json({ findings })
  else if (findings.length === 0) out.text("Nothing is found.")
  for (const { severity, code, title, hint } of json === true ? [] : findings) {
    const colour = severity === "critical" ? "red" : severity === "warning" ? "yellow" : "dim"
    out.text(`${out.colour(colour, severity.padEnd(8))}  ${printable(title)} [${code}]`)
    if (hint !== "") out.text(`          ${printable(hint)}`)
  }
  context.exitWith(exitCode)
}

function print({ findings, total, next, unknown, unknownTotal }: FindingsJson, out: Output): void {
  out.table(findings, columns, "Nothing is found.")
  const said = findings.filter(({ state, muted }) => state === "open" && muted === null)
  if (said.length > 0) out.text(["", ...said.flatMap((one) => sentences(one, out))].join("\n"))
  if (unknown.length > 0) {
    const lines = unknown.map(
      ({ source, scope, since, why }) =>
        `${out.colour("yellow", "unknown")}   ${printable(`${source}, ${scope}`)}: ${printable(why)} (since ${formatTime(since)} UTC)`,
    )
    const more = unknownTotal - unknown.length
    out.text(["", ...lines, ...(more > 0 ? [`          and ${more} more`] : [])].join("\n"))
  }
  if (next !== null) out.note(`${findings.length} of ${total}. The next page: --after ${next}`)
}

function sentences({ id, severity, title, hint }: FindingJson, out: Output): string[] {
  const colour = severity === "critical" ? "red" : severity === "warning" ? "yellow" : "dim"
  return [
    `${out.colour(colour, severity.padEnd(8))}  ${id}: ${printable(title)}`,
    ...(hint === "" ? [] : hint.split("\n").map((line) => `          ${printable(line)}`)),
  ]
}

export function stateOf({ state, muted, absentSince, unknownSince }: FindingJson): string {
  if (state === "closed") return state
  const doubts = [
    ...(muted === null ? [] : ["muted"]),
    ...(absentSince === null ? [] : ["going"]),
    ...(unknownSince === null ? [] : ["unknown"]),
  ]
  return [state, ...doubts].join(", ")
}

const MOST_SHOWN = 60

/** The end tells more than the begin. */
function shortened(key: string): string {
  return key.length <= MOST_SHOWN ? key : `…${key.slice(1 - MOST_SHOWN)}`
}
