import { type Command, Option } from "commander"
import { archive, type ArchiveFormat, archiveFormats, parseRange } from "../../../storage/browse/index.js"
import {
  type ByteRange,
  findEntry,
  type SnapshotContents,
  type SnapshotEntry,
  StorageError,
} from "../../../storage/index.js"
import { chooseSnapshot, pathJson } from "../../contents/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { getByDaemon } from "./get-by-daemon.js"
import { readPlace, snapshotWords } from "./place.js"
import { Remarks } from "./remarks.js"
import { sourceOf, type SourceOptions, withSource } from "./source.js"

interface Options extends SourceOptions {
  readonly range?: string
  readonly format?: ArchiveFormat
  readonly skipDamaged?: boolean
}

export function getCommand(program: Command, context: Context): void {
  const command = program
    .command("get")
    .argument("<what>", "SNAPSHOT:/path; the snapshot by its id, the beginning of it or `latest`")
    .description(
      "write a file of a snapshot, or a directory as an archive, to standard output (with --at no daemon is needed)",
    )
    .option("--range <bytes>", "of a file: 0-499 is its first 500 bytes, 500- the rest, -500 the last 500")
    .addOption(new Option("--format <format>", "of a directory").choices(archiveFormats))
    .option(
      "--skip-damaged",
      "of a directory: leave damaged files out and name them; without it the archive breaks off",
    )
  withSource(command).action(async (words: string, options: Options) => {
    const { id, path } = snapshotWords(words)
    const source = sourceOf(options)
    const { range, format, skipDamaged = false } = options
    if (source.kind === "daemon") {
      if (range !== undefined && parseRange(range, Number.MAX_SAFE_INTEGER) === undefined)
        throw noRange(range)
      if (format === undefined && skipDamaged)
        throw usageError("--skip-damaged is for directories", "Add --format tar or --format zip.")
      if (format !== undefined && range !== undefined)
        throw usageError("--range is for files", "--format is for directories.")
      const what = { target: source.target, snapshot: id, path, range, format, skipDamaged }
      await getByDaemon(what, new Remarks(context), context)
      return
    }
    const { snapshots, contents } = await readPlace(source.place, context)
    const entry = await findEntry(contents, chooseSnapshot(snapshots, id), path)
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
  if (range === undefined) throw noRange(text)
  if (range === "unsatisfiable")
    throw new StorageError("missing", `the file has ${size} bytes: none of them is in ${text}`)
  return range
}

function noRange(text: string): Error {
  return usageError(`${text} is no range of bytes`, "For example 0-499, 500- or -500.")
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
  const remarks = new Remarks(context)
  const pieces = archive(contents, entry, {
    format,
    damaged: skipDamaged ? "skip" : "stop",
    onProblem: (path, { code, message }) => {
      remarks.leftOut(pathJson(path), { code, message })
    },
    onLoss: (path, loss) => {
      remarks.loss(pathJson(path), loss)
    },
  })
  for await (const piece of pieces) await context.out.bytes(piece)
  remarks.end(format)
}
