import type { Command } from "commander"
import { findInTree, findVersions, PathPattern } from "../../../storage/browse/index.js"
import { formatIdentity } from "../../../storage/identity/index.js"
import { formatInstant, type Snapshot } from "../../../storage/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"
import { pathJson, printablePath, problemJson } from "./entry-json.js"
import type { FoundJson } from "./found-json.js"
import { printJsonList } from "./json-list.js"
import { chooseSnapshot, type ReadPlace, readPlace, type PlaceOptions, withPlace } from "./place.js"

interface Options extends PlaceOptions {
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
    .description("find files by name in all snapshots: which hold them, when they changed (no daemon needed)")
    .option("--snapshot <id>", "only in this one: its id, the beginning of it or `latest`")
    .option("--identity <identity>", "only in the snapshots of user@host:path")
    .option("--path <directory>", "only below this directory of the snapshots")
    .option("-i, --ignore-case", "leave upper and lower case alone")
    .option("--json", "print JSON")
  withPlace(command).action(async (text: string, options: Options) => {
    const rows = find(text, options, context)
    const seen = { found: 0, problems: 0 }
    if (options.json === true) await printJsonList("found", counted(rows, seen), context)
    else await printText(counted(rows, seen), seen, context)
    if (seen.problems > 0 || seen.found === 0) context.exitWith(exitCodes.wrong)
  })
}

async function* find(text: string, options: Options, context: Context): AsyncGenerator<FoundJson> {
  const { snapshot, identity, path: under = "", ignoreCase = false } = options
  if (snapshot !== undefined && identity !== undefined)
    throw usageError("--snapshot and --identity exclude each other", "A snapshot has one identity.")
  const pattern = new PathPattern(text, { under, ignoreCase })
  const place = await readPlace(options, context)
  if (snapshot !== undefined) yield* inOne(place, chooseSnapshot(place.snapshots, snapshot), pattern)
  else yield* inAll(place, identity, pattern)
}

async function* inOne(
  { contents }: ReadPlace,
  snapshot: Snapshot,
  pattern: PathPattern,
): AsyncGenerator<FoundJson> {
  const span = spanJson({ first: snapshot, last: snapshot, snapshots: 1 })
  for await (const found of findInTree(contents, contents.root(snapshot), pattern)) {
    if ("problem" in found) {
      yield { ...pathJson(found.path), ...span, problem: problemJson(found.problem) }
      continue
    }
    const { kind, size, modified } = found.entry
    yield { ...pathJson(found.path), type: kind, size, mtime: timeOf(modified), ...span }
  }
}

async function* inAll(
  { contents, snapshots }: ReadPlace,
  identity: string | undefined,
  pattern: PathPattern,
): AsyncGenerator<FoundJson> {
  const wanted = snapshots.filter((one) => identity === undefined || identityOf(one) === identity)
  if (identity !== undefined && wanted.length === 0)
    throw usageError(`no snapshot is of ${identity}`, "`cistern snapshots --at PATH` lists their identities.")
  for await (const found of findVersions(contents, wanted, pattern)) {
    const span = spanJson(found)
    if ("problem" in found) yield { ...pathJson(found.path), ...span, problem: problemJson(found.problem) }
    else {
      const { kind, size, modified } = found
      yield { ...pathJson(found.path), type: kind, size, mtime: timeOf(modified), ...span }
    }
  }
}

interface Span {
  readonly first: Snapshot
  readonly last: Snapshot
  readonly snapshots: number
}

function spanJson({ first, last, snapshots }: Span) {
  const brief = ({ id, start }: Snapshot) => ({ id, start: formatInstant(start) })
  return { identity: identityOf(first), first: brief(first), last: brief(last), snapshots }
}

function identityOf({ source }: Snapshot): string {
  return formatIdentity({ user: source.user, host: source.host, path: source.paths[0] ?? "" })
}

function timeOf(modified: bigint | undefined): string | null {
  return modified === undefined ? null : formatInstant(modified)
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
