import type { Command } from "commander"
import { diffTrees, type TreeChange } from "../../../storage/browse/index.js"
import { findEntry } from "../../../storage/index.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import { printable } from "../printable.js"
import { type ChangeJson, changeJson, DiffSums, isTold } from "./diff-json.js"
import { printablePath } from "./entry-json.js"
import { printJsonList } from "./json-list.js"
import { chooseSnapshot, readPlace, type PlaceOptions, snapshotWords, withPlace } from "./place.js"

interface Options extends PlaceOptions {
  readonly metadata?: boolean
  readonly json?: boolean
}

export function diffCommand(program: Command, context: Context): void {
  const command = program
    .command("diff")
    .argument("<before>", "SNAPSHOT[:/path]; the snapshot by its id, the beginning of it or `latest`")
    .argument("<after>", "SNAPSHOT[:/path] to compare it with")
    .description(
      "show what differs between two snapshots: + added, - removed, M other contents (no daemon needed)",
    )
    .option("--metadata", "also what has another owner, mode, time or attribute only (U)")
    .option("--json", "print JSON")
  withPlace(command).action(async (before: string, after: string, options: Options) => {
    const sums = new DiffSums()
    const changes = told(differences([before, after], options, context), options, sums)
    if (options.json === true)
      await printJsonList("changes", changes, context, () => ({ summary: sums.json() }))
    else await printText(changes, sums, context)
    if (sums.json().problems > 0) context.exitWith(exitCodes.wrong)
  })
}

async function* differences(
  words: readonly [string, string],
  options: PlaceOptions,
  context: Context,
): AsyncGenerator<TreeChange> {
  const [old, now] = [snapshotWords(words[0]), snapshotWords(words[1])]
  const { snapshots, contents } = await readPlace(options, context)
  const entryAt = ({ id, path }: typeof old) => findEntry(contents, chooseSnapshot(snapshots, id), path)
  yield* diffTrees(contents, await entryAt(old), await entryAt(now))
}

async function* told(
  changes: AsyncIterable<TreeChange>,
  { metadata = false }: Options,
  sums: DiffSums,
): AsyncGenerator<ChangeJson> {
  for await (const change of changes) {
    sums.add(change)
    if (isTold(change, metadata)) yield changeJson(change)
  }
}

async function printText(
  changes: AsyncIterable<ChangeJson>,
  sums: DiffSums,
  { out }: Context,
): Promise<void> {
  const colours = { "+": "green", "-": "red", M: "yellow", T: "yellow", U: "dim", "!": "red" } as const
  for await (const change of changes) {
    const sign = signOf(change)
    await out.bytes(`${out.colour(colours[sign], sign)} ${sizeOf(change).padStart(21)} ${nameOf(change)}\n`)
    if (change.problem !== undefined)
      out.note(`${nameOf(change)}: ${printable(change.problem.message)} [${change.problem.code}]`)
  }
  const { added, removed, changed, metadata, bytesAdded, bytesRemoved, problems } = sums.json()
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
