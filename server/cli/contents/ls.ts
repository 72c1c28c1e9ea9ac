import type { Command } from "commander"
import { z } from "zod"
import { chooseSnapshot, type EntryJson, listEntries } from "../../contents/index.js"
import { contentsPaths, entryJson } from "../../http/contract/contents.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import { printable } from "../printable.js"
import { askContents, rowsOf } from "./daemon-lines.js"
import { printablePath } from "./entry-json.js"
import { readPlace, snapshotWords } from "./place.js"
import { sourceOf, type SourceOptions, withSource } from "./source.js"

interface Options extends SourceOptions {
  readonly recursive?: boolean
  readonly sha256?: boolean
  readonly json?: boolean
}

const letters: Readonly<Record<EntryJson["type"], string>> = {
  directory: "d",
  file: "-",
  symlink: "l",
  block_device: "b",
  character_device: "c",
  fifo: "p",
  socket: "s",
  unknown: "?",
}

export function lsCommand(program: Command, context: Context): void {
  const command = program
    .command("ls")
    .argument("<snapshot>", "its id, the beginning of it or `latest`, and :/path in it")
    .description(
      "list what is in a snapshot: of a declared repository, or of any place with --at (no daemon needed)",
    )
    .option("-R, --recursive", "everything below, too")
    .option("--sha256", "read every file, and print the SHA-256 of what is in it")
    .option("--json", "print JSON")
  withSource(command).action(async (words: string, options: Options) => {
    const entries = list(words, options, context)
    const isWhole =
      options.json === true ? await printJson(entries, context) : await printText(entries, context)
    if (!isWhole) context.exitWith(exitCodes.wrong)
  })
}

async function* list(words: string, options: Options, context: Context): AsyncGenerator<EntryJson> {
  const { id, path } = snapshotWords(words)
  const { recursive = false, sha256 = false } = options
  const source = sourceOf(options)
  if (source.kind === "place") {
    const { snapshots, contents } = await readPlace(source.place, context)
    yield* listEntries(contents, chooseSnapshot(snapshots, id), path, { recursive, sha256 })
    return
  }
  const query = { ...source.target, snapshot: id, path, recursive: String(recursive), sha256: String(sha256) }
  const body = await askContents(contentsPaths.entries, query, context)
  yield* rowsOf(body, { row: entryJson, end: z.strictObject({}), ended: () => undefined })
}

/** One document, written entry by entry: a snapshot may hold millions. */
async function printJson(entries: AsyncIterable<EntryJson>, { out }: Context): Promise<boolean> {
  let isWhole = true
  let before = '{"entries": ['
  for await (const entry of entries) {
    isWhole &&= entry.problem === undefined
    await out.bytes(`${before}\n  ${JSON.stringify(entry)}`)
    before = ","
  }
  await out.bytes(`${before === "," ? "" : before}\n]}\n`)
  return isWhole
}

async function printText(entries: AsyncIterable<EntryJson>, { out }: Context): Promise<boolean> {
  let isWhole = true
  for await (const entry of entries) {
    await out.bytes(lineOf(entry) + "\n")
    if (entry.problem === undefined) continue
    isWhole = false
    out.note(`${printablePath(entry)}: ${printable(entry.problem.message)} [${entry.problem.code}]`)
  }
  return isWhole
}

function lineOf(entry: EntryJson): string {
  const { type, mode, uid, gid, size, mtime, target, targetBase64, sha256 } = entry
  const link = target ?? (targetBase64 === undefined ? undefined : `base64:${targetBase64}`)
  const cells = [
    letters[type] + (mode ?? "----"),
    `${uid ?? "-"}:${gid ?? "-"}`.padEnd(11),
    (type === "file" ? formatBytes(size) : "-").padStart(9),
    mtime === null ? "-".padEnd(20) : `${mtime.slice(0, 19)}Z`,
    ...(sha256 === undefined ? [] : [sha256]),
    printablePath(entry) + (link === undefined ? "" : ` -> ${printable(link)}`),
  ]
  return cells.join(" ")
}
