import { type Command, Option } from "commander"
import {
  archive,
  type ArchiveFormat,
  archiveFormats,
  type ArchiveLoss,
  parseRange,
} from "../../../storage/browse/index.js"
import {
  type ByteRange,
  findEntry,
  type SnapshotContents,
  type SnapshotEntry,
  StorageError,
} from "../../../storage/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { printable } from "../printable.js"
import { pathJson, printablePath } from "./entry-json.js"
import { openSnapshot, type PlaceOptions, withPlace } from "./place.js"

interface Options extends PlaceOptions {
  readonly range?: string
  readonly format?: ArchiveFormat
  readonly skipDamaged?: boolean
}

export function getCommand(program: Command, context: Context): void {
  const command = program
    .command("get")
    .argument("<what>", "SNAPSHOT:/path; the snapshot by its id, the beginning of it or `latest`")
    .description(
      "write a file of a snapshot, or a directory as an archive, to standard output (no daemon needed)",
    )
    .option("--range <bytes>", "of a file: 0-499 is its first 500 bytes, 500- the rest, -500 the last 500")
    .addOption(new Option("--format <format>", "of a directory").choices(archiveFormats))
    .option(
      "--skip-damaged",
      "of a directory: leave damaged files out and name them; without it the archive breaks off",
    )
  withPlace(command).action(async (words: string, options: Options) => {
    const { contents, snapshot, path } = await openSnapshot(words, options, context)
    const entry = await findEntry(contents, snapshot, path)
    if (entry.kind === "directory") await getDirectory(contents, entry, options, context)
    else await getFile(contents, entry, { ...options, path }, context)
  })
}

async function getFile(
  contents: SnapshotContents,
  entry: SnapshotEntry,
  { path, range, format, skipDamaged }: Options & { readonly path: string },
  { out }: Context,
): Promise<void> {
  if (entry.kind !== "file") {
    throw usageError(`/${path} is no file but: ${entry.kind}`, "`cistern ls` shows what is in a directory.")
  }
  if (format !== undefined || skipDamaged !== undefined)
    throw usageError("--format and --skip-damaged are for directories", `/${path} is a file.`)
  const wanted = range === undefined ? undefined : rangeOf(range, entry.size)
  // What was written before a damage shows cannot be taken back: the exit code tells.
  for await (const piece of contents.read(entry, wanted)) await out.bytes(piece)
}

function rangeOf(text: string, size: number): ByteRange {
  const range = parseRange(text, size)
  if (range === undefined)
    throw usageError(`${text} is no range of bytes`, "For example 0-499, 500- or -500.")
  if (range === "unsatisfiable")
    throw new StorageError("missing", `the file has ${size} bytes: none of them is in ${text}`)
  return range
}

async function getDirectory(
  contents: SnapshotContents,
  entry: SnapshotEntry,
  { range, format, skipDamaged = false }: Options,
  context: Context,
): Promise<void> {
  if (range !== undefined) throw usageError("--range is for files", "This is a directory.")
  if (format === undefined)
    throw usageError("a directory is written as an archive", "Add --format tar or --format zip.")
  const { out } = context
  const losses = new Losses()
  let problems = 0
  const pieces = archive(contents, entry, {
    format,
    damaged: skipDamaged ? "skip" : "stop",
    onProblem: (path, { code, message }) => {
      problems++
      out.note(`left out: ${printablePath(pathJson(path))}: ${printable(message)} [${code}]`)
    },
    onLoss: (path, loss) => {
      losses.add(path, loss)
    },
  })
  for await (const piece of pieces) await out.bytes(piece)
  for (const line of losses.lines(format)) out.note(line)
  if (problems > 0) context.exitWith(exitCodes.wrong)
}

/** What a format cannot hold: how often, and where first. */
class Losses {
  readonly #seen = new Map<ArchiveLoss, { count: number; readonly first: Uint8Array }>()

  add(path: Uint8Array, loss: ArchiveLoss): void {
    const seen = this.#seen.get(loss)
    if (seen === undefined) this.#seen.set(loss, { count: 1, first: path })
    else seen.count++
  }

  lines(format: ArchiveFormat): string[] {
    const words: Readonly<Record<ArchiveLoss, string>> = {
      kind: "left out, because of what it is",
      hard_link: "a file of its own, not one more name of another",
      name: "under another name",
      attributes: "without its extended attributes",
    }
    return [...this.#seen].map(([loss, { count, first }]) => {
      const others = count === 1 ? "" : ` and ${count - 1} more`
      return `${format} cannot hold it: ${printablePath(pathJson(first))}${others}: ${words[loss]}`
    })
  }
}
