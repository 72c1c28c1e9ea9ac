import { createHash } from "node:crypto"
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"
import type { StorageErrorCode } from "../errors.js"
import type { FileCalls } from "../host/file-calls.js"
import type { Instant } from "../instant.js"
import type { ReaderControl } from "./control.js"

/** One reading of a whole file. */
export interface Reading {
  readonly sha256: string
  /** Bytes that were read. */
  readonly length: number
  /** Whether 4096 bytes from a multiple of 4096 are all zeros, as disks and filesystems lose them. */
  readonly hasZeroPage: boolean
  /** Before the first byte was read. */
  readonly modified: Instant
  /** Whether length and time were the same after the last byte. */
  readonly held: boolean
}

/** `stopped`: the scrub is to end. */
export type FailedReading = { readonly code: StorageErrorCode | "stopped" }

/** How often what was read is taken out of memory: a whole pack would push out what somebody needs. */
const FORGET_EVERY = 8 * 1024 * 1024

/** Reads and hashes a file, from the disk where the kernel can be told so. Blocks the thread; throws nothing. */
export function readFile(
  path: string,
  buffer: Buffer,
  control: ReaderControl,
  calls: Pick<FileCalls, "readAhead" | "dropCache"> | undefined,
): Reading | FailedReading {
  let descriptor: number | undefined
  try {
    descriptor = openQuietly(path)
    return readOpen(descriptor, buffer, control, calls)
  } catch (error) {
    return { code: fileError(error, path, path).code }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function readOpen(
  descriptor: number,
  buffer: Buffer,
  control: ReaderControl,
  calls: Pick<FileCalls, "readAhead" | "dropCache"> | undefined,
): Reading | FailedReading {
  const before = fstatSync(descriptor, { bigint: true })
  if (!before.isFile()) return { code: "corrupt" }
  // What is in memory says nothing of the disk. What must still be written stays there.
  calls?.dropCache(descriptor)
  calls?.readAhead(descriptor)
  const hash = createHash("sha256")
  let length = 0
  let hasZeroPage = false
  for (let kept = 0; ;) {
    if (!control.mayRead(Math.min(buffer.length, Number(before.size) - length))) return { code: "stopped" }
    const count = readSync(descriptor, buffer, 0, buffer.length, length)
    if (count === 0) break
    hash.update(count === buffer.length ? buffer : buffer.subarray(0, count))
    hasZeroPage ||= holdsZeroPage(buffer, count, length)
    length += count
    control.didRead(count)
    if (length - kept < FORGET_EVERY) continue
    calls?.dropCache(descriptor)
    kept = length
  }
  calls?.dropCache(descriptor)
  const after = fstatSync(descriptor, { bigint: true })
  const held = after.size === before.size && after.mtimeNs === before.mtimeNs && length === Number(after.size)
  return { sha256: hash.digest("hex"), length, hasZeroPage, modified: before.mtimeNs, held }
}

const PAGE = Buffer.alloc(4096)

/** `offset`: where in the file the buffer's first byte lies. */
function holdsZeroPage(buffer: Buffer, count: number, offset: number): boolean {
  const first = (PAGE.length - (offset % PAGE.length)) % PAGE.length
  for (let at = first; at + PAGE.length <= count; at += PAGE.length) {
    if (buffer[at] === 0 && buffer.compare(PAGE, 0, PAGE.length, at, at + PAGE.length) === 0) return true
  }
  return false
}

/** Without a trace in the time of last access where this process may; a fifo does not hold it. */
function openQuietly(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK
  try {
    return openSync(path, flags | constants.O_NOATIME)
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error
    return openSync(path, flags)
  }
}
