import { once } from "node:events"
import { Readable, type Writable } from "node:stream"
import { finished } from "node:stream/promises"
import { ZipFile } from "yazl"
import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { type ArchiveItem, archiveItems, type ArchiveOptions } from "./archive-items.js"
import { LONGEST_ZIP_PATH, zipPath } from "./zip-names.js"

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const

/**
 * A directory as a zip file, in pieces: UTF-8 names, modes, symlinks, times to the second, more than 4 GiB where needed. It holds no
 * owners, extended attributes, hard links, devices, FIFOs and sockets. The list of what is in it stands at its end and is kept in memory
 * until then: some 500 bytes for each entry.
 */
export async function* zipArchive(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile()
  const output = zip.outputStream as unknown as Writable & AsyncIterable<Uint8Array>
  zip.on("error", (error: Error) => output.destroy(error))
  const items = archiveItems(contents, directory, { ...options, hardLinks: false })
  const filling = fill(zip, output, items, options).catch((error: unknown) => {
    output.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    for await (const piece of output) yield piece
  } finally {
    output.destroy()
    await filling
  }
}

async function fill(
  zip: ZipFile,
  output: Writable,
  items: AsyncIterable<ArchiveItem>,
  options: ArchiveOptions,
): Promise<void> {
  for await (const item of items) {
    if (output.destroyed) return
    const { entry } = item
    if (entry.kind !== "file" && entry.kind !== "directory" && entry.kind !== "symlink") {
      options.onLoss?.(item.path, "kind")
      continue
    }
    const { path, isRenamed } = zipPath(item.path)
    const problem = refusal(path)
    if (problem !== undefined) {
      await discard(item)
      options.onProblem?.(item.path, problem)
      continue
    }
    if (isRenamed) options.onLoss?.(item.path, "name")
    if (entry.attributes.length > 0) options.onLoss?.(item.path, "attributes")
    const how = { mode: modeOf(entry, types[entry.kind]), mtime: timeOf(entry) }
    if (entry.kind === "directory") zip.addEmptyDirectory(path, how)
    else if (item.target !== undefined)
      zip.addBuffer(Buffer.from(item.target), path, { ...how, compress: false })
    else if (item.body !== undefined) await addFile(zip, output, { ...item, body: item.body }, path, how)
    if (output.writableNeedDrain) await Promise.race([once(output, "drain"), once(output, "close")])
  }
  zip.end()
}

async function addFile(
  zip: ZipFile,
  output: Writable,
  { body, size }: ArchiveItem & { readonly body: AsyncIterable<Uint8Array> },
  path: string,
  how: { readonly mode: number; readonly mtime: Date },
): Promise<void> {
  const stream = Readable.from(body, { objectMode: false, highWaterMark: 1 })
  const stop = (): void => {
    stream.destroy(new Error("nobody reads the archive any more"))
  }
  output.once("close", stop)
  try {
    zip.addReadStream(stream, path, { ...how, size })
    await finished(stream)
  } finally {
    output.off("close", stop)
  }
}

function refusal(path: string): StorageError | undefined {
  const length = Buffer.byteLength(path)
  if (length < LONGEST_ZIP_PATH) return undefined
  return new StorageError("unsupported", `a path of ${length} bytes has no place in a zip file: left out`, {
    hint: "A tar archive holds it.",
  })
}

async function discard({ body }: ArchiveItem): Promise<void> {
  // A generator that was not begun has nothing to end.
  if (body !== undefined) await body[Symbol.asyncIterator]().return?.()
}

function modeOf({ mode, kind }: SnapshotEntry, type: number): number {
  if (kind === "symlink") return type | 0o777
  return type | (mode ?? (kind === "directory" ? 0o755 : 0o644))
}

/** What the format holds: from 1970 to 2038. */
function timeOf({ modified = 0n }: SnapshotEntry): Date {
  const seconds = Number(modified / 1_000_000_000n)
  return new Date(Math.min(Math.max(0, seconds), 0x7fff_ffff) * 1000)
}
