import type { Command } from "commander"
import {
  type ChangeJson,
  chooseSnapshot,
  differencesOf,
  DiffSums,
  type DiffSummary,
} from "../../contents/index.js"
import { changeJson, contentsPaths, differencesEnd } from "../../http/contract/contents.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import { printable } from "../printable.js"
import { askContents, rowsOf } from "./daemon-lines.js"
import { printablePath } from "./entry-json.js"
import { printJsonList } from "./json-list.js"
import { readPlace, snapshotWords } from "./place.js"
import { sourceOf, type SourceOptions, withSource } from "./source.js"

interface Options extends SourceOptions {
  readonly metadata?: boolean
  readonly json?: boolean
}

export function diffCommand(program: Command, context: Context): void {
  const command = program
    .command("diff")
    .argument("<before>", "SNAPSHOT[:/path]; the snapshot by its id, the beginning of it or `latest`")
    .argument("<after>", "SNAPSHOT[:/path] to compare it with")
    .description(
      "show what differs between two snapshots: + added, - removed, M other contents (with --at no daemon is needed)",
    )
    .option("--metadata", "also what has another owner, mode, time or attribute only (U)")
    .option("--json", "print JSON")
  withSource(command).action(async (before: string, after: string, options: Options) => {
    const sums: Sums = { summary: new DiffSums().json() }
    const changes = differences([before, after], options, context, sums)
    if (options.json === true)
      await printJsonList("changes", changes, context, () => ({ summary: sums.summary }))
    else await printText(changes, sums, context)
    if (sums.summary.problems > 0) context.exitWith(exitCodes.wrong)
  })
}

async function* differences(
  [before, after]: readonly [string, string],
  options: Options,
  context: Context,
  sums: Sums,
): AsyncGenerator<ChangeJson> {
  const [old, now] = [snapshotWords(before), snapshotWords(after)]
  const { metadata = false } = options
  const source = sourceOf(options)
  if (source.kind === "place") {
    const { snapshots, contents } = await readPlace(source.place, context)
    const sideOf = ({ id, path }: typeof old) => ({ snapshot: chooseSnapshot(snapshots, id), path })
    const counted = new DiffSums()
    yield* differencesOf(contents, { before: sideOf(old), after: sideOf(now), metadata }, counted)
    sums.summary = counted.json()
    return
  }
  const query = {
    ...source.target,
    ...{ before: old.id, beforePath: old.path, after: now.id, afterPath: now.path },
    metadata: String(metadata),
  }
  const body = await askContents(contentsPaths.differences, query, context)
  yield* rowsOf(body, {
    row: changeJson,
    end: differencesEnd,
    ended: ({ summary }) => {
      sums.summary = summary
    },
  })
}

/** Known when all changes are. */
interface Sums {
  summary: DiffSummary
}

async function printText(changes: AsyncIterable<ChangeJson>, sums: Sums, { out }: Context): Promise<void> {
  const colours = { "+": "green", "-": "red", M: "yellow", T: "yellow", U: "dim", "!": "red" } as const
  for await (const change of changes) {
    const sign = signOf(change)
    await out.bytes(`${out.colour(colours[sign], sign)} ${sizeOf(change).padStart(21)} ${nameOf(change)}\n`)
    if (change.problem !== undefined)
      out.note(`${nameOf(change)}: ${printable(change.problem.message)} [${change.problem.code}]`)
  }
  const { added, removed, changed, metadata, bytesAdded, bytesRemoved, problems } = sums.summary
  const parts = [
    `${added} added (${formatBytes(bytesAdded)})`,
    `${removed} removed (${formatBytes(bytesRemoved)})`,
    `${changed} changed`,
    `${metadata} with other metadata only`,
    ...(problems === 0 ? [] : [`${problems} not compared`]),
  ]
  out.note(parts.join(", "))
}

/** T: it became something else. !: it could not be compared. */
function signOf({ change, what, problem }: ChangeJson): "+" | "-" | "M" | "T" | "U" | "!" {
  if (change === "added") return "+"
  if (change === "removed") return "-"
  if (what.includes("type")) return "T"
  if (what.includes("content") || what.includes("target")) return "M"
  return problem === undefined ? "U" : "!"
}

function sizeOf({ before, after }: ChangeJson): string {
  const [old, now] = [before, after].map((side) =>
    side?.type === "file" ? formatBytes(side.size) : undefined,
  )
  if (old === undefined || now === undefined) return now ?? old ?? "-"
  return old === now ? now : `${old} > ${now}`
}

/** A directory with "/" at its end. */
function nameOf(change: ChangeJson): string {
  const { before, after } = change
  return printablePath(change) + ((after ?? before)?.type === "directory" ? "/" : "")
}
