import { resolve } from "node:path"
import type { Command } from "commander"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { openRepository, parseTime } from "../../storage/index.js"
import { anomaliesAt, limitsOf, type SourceAnomalies } from "../anomalies/index.js"
import { parseAge } from "../config/index.js"
import { usageError } from "./cli-error.js"
import { type PlaceOptions, withPlace } from "./contents/place.js"
import type { Context } from "./context.js"
import { type ExitCode, exitCodes } from "./exit-codes.js"
import { readPassword } from "./password-option.js"
import { printable } from "./printable.js"

interface Options extends PlaceOptions {
  readonly all?: boolean
  readonly asOf?: string
  readonly interval?: string
  readonly json?: boolean
}

export function anomaliesCommand(program: Command, context: Context): void {
  const command = program
    .command("anomalies")
    .description(
      "tell what is odd about backups that are intact: zeros, losses, growth, missed ones (no daemon needed)",
    )
    .option("--all", "compare every snapshot with the one before, not only the newest of each source")
    .option("--interval <age>", 'how often backups should be made, such as "24h"; else it is learnt')
    .option("--as-of <time>", "judge as at this time (RFC 3339), not now")
    .option("--json", "print JSON")
  withPlace(command).action(async (options: Options) => {
    const found: SourceAnomalies[] = []
    for await (const one of look(options, context)) {
      found.push(one)
      if (options.json !== true) print(one, context)
    }
    if (options.json === true) context.out.json({ sources: found })
    else if (found.every(({ anomalies }) => anomalies.length === 0)) context.out.text("Nothing odd.")
    context.exitWith(exitCodeOf(found))
  })
}

async function* look(
  { at, engine, all, asOf, interval, ...password }: Options,
  { environment }: Context,
): AsyncGenerator<SourceAnomalies> {
  if (interval !== undefined && parseAge(interval) === undefined)
    throw usageError("--interval is an age, such as 24h or 7d")
  const now = asOf === undefined ? Date.now() : timeOf(asOf)
  const repository = await openRepository({
    files: new DirectoryTree(resolve(at)),
    password: readPassword(password, environment),
    ...(engine === undefined ? {} : { engine }),
  })
  const listing = await repository.list()
  const contents = await repository.openContents()
  const limits = limitsOf({ volumes: {}, ...(interval === undefined ? {} : { interval }) }, undefined)
  yield* anomaliesAt({ listing, contents, now, limits, allSteps: all ?? false })
}

function timeOf(text: string): number {
  try {
    return Number(parseTime(text).instant / 1_000_000n)
  } catch {
    throw usageError("--as-of is a time such as 2026-11-22T03:00:00Z")
  }
}

function print({ source, anomalies }: SourceAnomalies, { out }: Context): void {
  for (const { code, severity, title, hint } of anomalies) {
    out.text(`${printable(source)}: ${severity} [${code}]\n  ${printable(title)}\n  ${printable(hint)}`)
  }
}

/** That something could not be compared is no "nothing odd". */
function exitCodeOf(found: readonly SourceAnomalies[]): ExitCode {
  const codes = found.flatMap(({ anomalies }) => anomalies.map(({ code }) => code))
  if (codes.length === 0) return exitCodes.ok
  return codes.every((code) => code === "not_compared") ? exitCodes.unclear : exitCodes.wrong
}
