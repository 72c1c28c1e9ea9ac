import type { Command } from "commander"
import { z } from "zod"
import { findRows, type FoundJson } from "../../contents/index.js"
import { contentsPaths, foundJson } from "../../http/contract/contents.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"
import { askContents, rowsOf } from "./daemon-lines.js"
import { printablePath } from "./entry-json.js"
import { printJsonList } from "./json-list.js"
import { readPlace } from "./place.js"
import { sourceOf, type SourceOptions, withSource } from "./source.js"

interface Options extends SourceOptions {
  readonly snapshot?: string
  readonly identity?: string
  readonly path?: string
  readonly ignoreCase?: boolean
  readonly json?: boolean
}

export function findCommand(program: Command, context: Context): void {
  const command = program
    .command("find")
    .argument("<pattern>", 'a name such as "*.db", or a path such as "app/**/config.yaml"')
    .description(
      "find files by name in all snapshots: which hold them, when they changed (with --at no daemon is needed)",
    )
    .option("--snapshot <id>", "only in this one: its id, the beginning of it or `latest`")
    .option("--identity <identity>", "only in the snapshots of user@host:path")
    .option("--path <directory>", "only below this directory of the snapshots")
    .option("-i, --ignore-case", "leave upper and lower case alone")
    .option("--json", "print JSON")
  withSource(command).action(async (text: string, options: Options) => {
    const rows = find(text, options, context)
    const seen = { found: 0, problems: 0 }
    if (options.json === true) await printJsonList("found", counted(rows, seen), context)
    else await printText(counted(rows, seen), seen, context)
    if (seen.problems > 0 || seen.found === 0) context.exitWith(exitCodes.wrong)
  })
}

async function* find(pattern: string, options: Options, context: Context): AsyncGenerator<FoundJson> {
  const { snapshot, identity, path: under = "", ignoreCase = false } = options
  if (snapshot !== undefined && identity !== undefined)
    throw usageError("--snapshot and --identity exclude each other", "A snapshot has one identity.")
  const source = sourceOf(options)
  if (source.kind === "place") {
    yield* findRows(await readPlace(source.place, context), {
      pattern,
      under,
      ignoreCase,
      snapshot,
      identity,
    })
    return
  }
  const query = { ...source.target, pattern, under, ignoreCase: String(ignoreCase), snapshot, identity }
  const body = await askContents(contentsPaths.found, query, context)
  yield* rowsOf(body, { row: foundJson, end: z.strictObject({}), ended: () => undefined })
}

async function* counted(
  rows: AsyncIterable<FoundJson>,
  seen: { found: number; problems: number },
): AsyncGenerator<FoundJson> {
  for await (const row of rows) {
    if (row.problem === undefined) seen.found++
    else seen.problems++
    yield row
  }
}

/** A heading for each source and path, and a line below it for each content. */
async function printText(
  rows: AsyncIterable<FoundJson>,
  seen: { readonly found: number },
  { out }: Context,
): Promise<void> {
  let heading = ""
  for await (const row of rows) {
    const name = printablePath(row)
    if (row.problem !== undefined) {
      const { first, last, problem } = row
      out.note(
        `${name === "" ? "/" : name}: ${printable(problem.message)} [${problem.code}], in ${first.id.slice(0, 12)} to ${last.id.slice(0, 12)}`,
      )
      continue
    }
    const title = `${out.colour("bold", name)}  ${out.colour("dim", printable(row.identity))}`
    if (title !== heading) await out.bytes(`${title}\n`)
    heading = title
    await out.bytes(`  ${lineOf(row)}\n`)
  }
  if (seen.found === 0) out.note("Nothing fits.")
}

function lineOf({ type, size, mtime, first, last, snapshots }: FoundJson): string {
  const brief = ({ id, start }: FoundJson["first"]) => `${formatTime(start)} ${id.slice(0, 12)}`
  return [
    (type === "file" ? formatBytes(size ?? null) : (type ?? "-")).padStart(9),
    `modified ${formatTime(mtime ?? null)}`,
    snapshots === 1 ? `in ${brief(first)}` : `in ${brief(first)} to ${brief(last)} (${snapshots} snapshots)`,
  ].join("  ")
}
