import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"

/** Files up to this are read before they are announced: about what the engines' largest contents are. */
export const READ_BEFORE = 8 * 1024 * 1024

export interface FileContent {
  readonly size: number
  readonly body: AsyncIterable<Uint8Array>
}

export interface ReadingOptions {
  readonly damaged: "stop" | "skip"
  readonly signal?: AbortSignal
}

/**
 * A file whose size is told before its bytes. A small one is read whole, so that its damage shows first; of a large one the damage shows
 * while it is read, unless damaged ones are skipped: then it is read once before.
 */
export async function wholeOrStream(
  contents: SnapshotContents,
  file: SnapshotEntry,
  { damaged, signal }: ReadingOptions,
): Promise<FileContent> {
  if (file.size <= READ_BEFORE) {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of contents.read(file)) {
      signal?.throwIfAborted()
      size += piece.length
      // What it really has counts; but what claims to be small has to be.
      if (size > 2 * READ_BEFORE) throw unlike(file)
      pieces.push(piece)
    }
    return { size, body: given(pieces) }
  }
  let { size } = file
  if (damaged === "skip") {
    size = 0
    for await (const piece of contents.read(file)) {
      signal?.throwIfAborted()
      size += piece.length
    }
  }
  return { size, body: exactly(contents, file, size, signal) }
}

async function* exactly(
  contents: SnapshotContents,
  file: SnapshotEntry,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const piece of contents.read(file)) {
    signal?.throwIfAborted()
    seen += piece.length
    if (seen > size) throw unlike(file)
    yield piece
  }
  if (seen !== size) throw unlike(file)
}

async function* given(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(pieces)
}

function unlike({ size }: SnapshotEntry): StorageError {
  return new StorageError("corrupt", `it has not the ${size} bytes that are recorded of it`, {
    facts: { size },
  })
}
