import { createReadStream, lstatSync, readdirSync, readlinkSync } from "node:fs"
import { diskFailure } from "../outcome.js"
import { shown } from "./checks.js"

export interface Differences {
  readonly compared: number
  /** The first hundred. */
  readonly differences: readonly string[]
  readonly count: number
}

const MOST_KEPT = 100
const SLASH = Buffer.from("/")

/**
 * Compares two restored directories: names, kinds, modes, owners, link targets, times of files, and every byte. Times of directories are
 * left out, because Kopia gives them the newest time of what is in them. Throws StorageError for a disk that cannot be read.
 */
export async function differencesOf(
  one: string,
  other: string,
  signal: AbortSignal | undefined,
): Promise<Differences> {
  const found: string[] = []
  let [count, compared] = [0, 0]
  const tell = (path: Buffer, what: string): void => {
    count++
    if (found.length < MOST_KEPT) found.push(`${shown(path)}: ${what}`)
  }
  const open: Buffer[] = [Buffer.alloc(0)]
  try {
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const [mine, theirs] = [namesIn(one, path), namesIn(other, path)]
      for (const name of theirs)
        if (!mine.has(name) && isKept(at(other, below(path, name))))
          tell(below(path, name), "only the real engine restored it")
      for (const name of mine) {
        signal?.throwIfAborted()
        const entry = below(path, name)
        compared++
        if (!theirs.has(name)) {
          tell(entry, "the real engine did not restore it")
          continue
        }
        const difference = await differenceOf(at(one, entry), at(other, entry))
        if (difference !== undefined) tell(entry, difference)
        else if (lstatSync(at(one, entry)).isDirectory()) open.push(entry)
      }
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw diskFailure(error, one)
  }
  return { compared, differences: found, count }
}

/** Devices and sockets are not restored by a drill. */
function isKept(path: Buffer): boolean {
  const stats = lstatSync(path)
  return !stats.isBlockDevice() && !stats.isCharacterDevice() && !stats.isSocket()
}

/** In latin1, so that names that are no text compare. */
function namesIn(top: string, path: Buffer): Set<string> {
  return new Set(readdirSync(at(top, path), { encoding: "latin1" }).sort())
}

function below(path: Buffer, name: string): Buffer {
  const bytes = Buffer.from(name, "latin1")
  return path.length === 0 ? bytes : Buffer.concat([path, SLASH, bytes])
}

function at(top: string, path: Buffer): Buffer {
  return Buffer.concat([Buffer.from(top), SLASH, path])
}

async function differenceOf(one: Buffer, other: Buffer): Promise<string | undefined> {
  const [mine, theirs] = [lstatSync(one, { bigint: true }), lstatSync(other, { bigint: true })]
  // The mode holds the kind.
  if (mine.mode !== theirs.mode)
    return `mode ${mine.mode.toString(8)}, with the real engine ${theirs.mode.toString(8)}`
  if (mine.uid !== theirs.uid || mine.gid !== theirs.gid)
    return `owner ${mine.uid}:${mine.gid}, with the real engine ${theirs.uid}:${theirs.gid}`
  if (!mine.isDirectory() && mine.mtimeNs !== theirs.mtimeNs)
    return `time ${mine.mtimeNs}, with the real engine ${theirs.mtimeNs}`
  if (mine.isSymbolicLink() && !readlinkSync(one, "buffer").equals(readlinkSync(other, "buffer")))
    return "it leads elsewhere with the real engine"
  if (!mine.isFile()) return undefined
  if (mine.size !== theirs.size) return `${mine.size} bytes, with the real engine ${theirs.size}`
  return (await haveSameBytes(one, other)) ? undefined : "the real engine restored other bytes"
}

/** Of two files of one length. */
async function haveSameBytes(one: Buffer, other: Buffer): Promise<boolean> {
  const options = { highWaterMark: 1024 * 1024 }
  const theirs = createReadStream(other, options)[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest = Buffer.alloc(0)
  try {
    for await (const chunk of createReadStream(one, options) as AsyncIterable<Buffer>) {
      while (rest.length < chunk.length) {
        const next = await theirs.next()
        if (next.done === true) return false
        rest = Buffer.concat([rest, next.value])
      }
      if (!rest.subarray(0, chunk.length).equals(chunk)) return false
      rest = rest.subarray(chunk.length)
    }
    return true
  } finally {
    await theirs.return?.()
  }
}
