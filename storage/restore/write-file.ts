import { createHash, type Hash } from "node:crypto"
import { ftruncate, write } from "node:fs"
import { promisify } from "node:util"

const writeAt = promisify(write)
const setLength = promisify(ftruncate)

/** Smaller holes cost the filesystem more in extents than they save. */
const WINDOW = 64 * 1024
const zeros = Buffer.alloc(WINDOW)

export interface Written {
  readonly bytes: number
  /** Undefined unless asked for. */
  readonly sha256: Buffer | undefined
  /** What it begins with, at most 16 bytes. */
  readonly head: Buffer
}

export interface WriteOptions {
  readonly sparse: boolean
  readonly hash: boolean
  /** Told of each piece; waits before the next is read. */
  readonly onBytes: (count: number) => Promise<void> | void
}

/**
 * Writes pieces to an open file, one after the other from its start, whatever is in it; the next piece is read meanwhile. Aligned runs of
 * zeros become holes. Throws what the pieces throw, and the system's errors.
 */
export async function writeFile(
  descriptor: number,
  pieces: AsyncIterable<Uint8Array>,
  { sparse, hash, onBytes }: WriteOptions,
): Promise<Written> {
  const digest: Hash | undefined = hash ? createHash("sha256") : undefined
  let position = 0
  let head = Buffer.alloc(0)
  await setLength(descriptor, 0)
  for await (const piece of ahead(pieces)) {
    digest?.update(piece)
    if (head.length < 16) head = Buffer.concat([head, piece.subarray(0, 16 - head.length)])
    for (const [start, end] of sparse ? filled(piece, position) : [[0, piece.length] as const])
      await writeWhole(descriptor, piece.subarray(start, end), position + start)
    position += piece.length
    await onBytes(piece.length)
  }
  await setLength(descriptor, position)
  return { bytes: position, sha256: digest?.digest(), head }
}

/** The parts of a piece that are not all zero, by windows of the file that it lies in. */
function* filled(piece: Uint8Array, position: number): Generator<readonly [start: number, end: number]> {
  let from: number | undefined
  let at = 0
  while (at < piece.length) {
    const end = Math.min(piece.length, at + WINDOW - ((position + at) % WINDOW))
    const isHole = zeros.compare(piece, at, end, 0, end - at) === 0
    if (isHole && from !== undefined) yield [from, at]
    from = isHole ? undefined : (from ?? at)
    at = end
  }
  if (from !== undefined) yield [from, at]
}

async function writeWhole(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await writeAt(descriptor, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** The same pieces, each asked for before the one before it was taken. */
async function* ahead<T>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = pieces[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    for (let result = await next; result.done !== true; result = await next) {
      next = iterator.next()
      // It is awaited later, and by nobody when writing fails.
      next.catch(() => undefined)
      yield result.value
    }
  } finally {
    await next.catch(() => undefined)
    await iterator.return?.().catch(() => undefined)
  }
}
