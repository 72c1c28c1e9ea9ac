import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { promisify } from "node:util"
import { crc32, createDeflateRaw, deflateRaw } from "node:zlib"
import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { type ArchiveItem, archiveItems, type ArchiveOptions } from "./archive-items.js"
import { READ_BEFORE } from "./whole-or-stream.js"
import { LONGEST_ZIP_PATH, zipPath } from "./zip-names.js"
import {
  centralRecord,
  dataDescriptor,
  endRecords,
  localHeader,
  type ZipEntry,
  type ZipSizes,
} from "./zip-records.js"

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const
const deflate = promisify(deflateRaw)
/** From here sizes have eight bytes: deflate may make the bytes a little more. */
const LARGE = 0xf000_0000

/**
 * A directory as a zip file, in pieces: UTF-8 names, modes, owners, symlinks, times to the second, files and archives of any size. It has no
 * extended attributes, hard links, devices, FIFOs and sockets. The list of what is in it stands at its end and is kept in memory until
 * then: some 100 bytes and the path for each entry. Written here and not by a package: the one that there is takes a time that grows
 * with the square of the number of entries.
 */
export async function* zipArchive(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array> {
  const list = new CentralList()
  for await (const item of archiveItems(contents, directory, { ...options, hardLinks: false })) {
    const entry = entryOf(item, options)
    if (entry === undefined) continue
    const offset = list.offset
    const pieces = item.size > READ_BEFORE ? streamed(item, entry) : whole(item, entry)
    for (;;) {
      const { done, value } = await pieces.next()
      if (done === true) {
        list.add(centralRecord(value.entry, value.sizes, offset))
        break
      }
      list.offset += value.length
      yield value
    }
  }
  yield* list.end()
}

interface Written {
  readonly entry: ZipEntry
  readonly sizes: ZipSizes
}

/** A small entry: its sizes are known before. */
async function* whole({ body, target }: ArchiveItem, entry: ZipEntry): AsyncGenerator<Uint8Array, Written> {
  const pieces: Uint8Array[] = target === undefined ? [] : [target]
  if (body !== undefined) for await (const piece of body) pieces.push(piece)
  const plain = Buffer.concat(pieces)
  const packed = body === undefined || plain.length === 0 ? plain : await deflate(plain)
  const isDeflated = packed.length < plain.length
  const bytes = isDeflated ? packed : plain
  const written = {
    entry: { ...entry, isDeflated },
    sizes: { crc: crc32(plain), stored: bytes.length, size: plain.length },
  }
  yield localHeader(written.entry, written.sizes)
  if (bytes.length > 0) yield bytes
  return written
}

/** A large file, piece by piece. */
async function* streamed({ body, size }: ArchiveItem, small: ZipEntry): AsyncGenerator<Uint8Array, Written> {
  const entry = { ...small, isDeflated: true, sizesFollow: true, isLarge: size >= LARGE }
  yield localHeader(entry, undefined)
  let [crc, stored] = [0, 0]
  const summed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of body ?? []) {
      crc = crc32(piece, crc)
      yield piece
    }
  }
  const packer = createDeflateRaw()
  const packing = pipeline(Readable.from(summed(), { objectMode: true, highWaterMark: 1 }), packer)
  // Whatever goes wrong shows at the packer; this is for when nobody reads it any more.
  packing.catch(() => undefined)
  for await (const piece of packer as AsyncIterable<Buffer>) {
    stored += piece.length
    yield piece
  }
  await packing
  const sizes = { crc, stored, size }
  yield dataDescriptor(entry, sizes)
  return { entry, sizes }
}

/** Undefined where it has no place: that is told. */
function entryOf({ path: bytes, entry }: ArchiveItem, options: ArchiveOptions): ZipEntry | undefined {
  const { kind, mode, uid = 0, gid = 0, modified = 0n, attributes } = entry
  if (kind !== "file" && kind !== "directory" && kind !== "symlink") {
    options.onLoss?.(bytes, "kind")
    return undefined
  }
  const { path, isRenamed } = zipPath(bytes)
  const name = Buffer.from(kind === "directory" ? `${path}/` : path)
  if (name.length > LONGEST_ZIP_PATH) {
    const what = `a path of ${name.length} bytes has no place in a zip file: left out`
    options.onProblem?.(bytes, new StorageError("unsupported", what, { hint: "A tar archive holds it." }))
    return undefined
  }
  if (isRenamed) options.onLoss?.(bytes, "name")
  if (attributes.length > 0) options.onLoss?.(bytes, "attributes")
  const permissions = kind === "symlink" ? 0o777 : (mode ?? (kind === "directory" ? 0o755 : 0o644))
  const seconds = Number(modified >= 0n ? modified / SECOND : (modified - SECOND + 1n) / SECOND)
  return {
    name,
    mode: types[kind] + permissions,
    uid: Math.min(uid, MOST_ID),
    gid: Math.min(gid, MOST_ID),
    modified: seconds,
    isDeflated: false,
    sizesFollow: false,
    isLarge: false,
  }
}

const SECOND = 1_000_000_000n
const MOST_ID = 0xffff_ffff

/** What stands at the end of a zip file. A million small buffers would take far more memory than their bytes. */
class CentralList {
  offset = 0
  #count = 0
  readonly #pages: Buffer[] = []
  #page: Buffer[] = []

  add(record: Buffer): void {
    this.#count++
    this.#page.push(record)
    if (this.#page.length < 1_000) return
    this.#pages.push(Buffer.concat(this.#page))
    this.#page = []
  }

  *end(): Generator<Uint8Array> {
    const pages = [...this.#pages, Buffer.concat(this.#page)]
    yield* pages.filter(({ length }) => length > 0)
    const length = pages.reduce((sum, page) => sum + page.length, 0)
    yield endRecords(this.#count, this.offset, length)
  }
}
