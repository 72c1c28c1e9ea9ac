import { createHash } from "node:crypto"
import { crc32 } from "node:zlib"
import { Column, IdTable } from "../bytes/index.js"
import type { StoredContents } from "../stored-contents.js"
import type { ContentStates } from "./content-states.js"

// What is kept between runs, little-endian:
//
//    0..3   "CVM1"
//    4..11  the repository: the first bytes of the SHA-256 of its id
//   12..13  day on which the trees were last walked whole, from 1970
//   14      1: they are known whole, so that a directory that is kept as walked need not be walked
//   15..18  count
//   19..    records of 15 bytes: key of a content (8), its places (4), day of its last reading (2; 0 for never), 1: a directory that was walked
//   -4..    CRC-32 of all before it
const MAGIC = 0x314d_5643
const HEADER = 19
const RECORD = 15
const KEY = 8

export interface MemoryFacts {
  readonly repositoryId: string
  readonly walkedDay: number
  readonly isWhole: boolean
  /** Contents of these are to be read again, though they could be read. */
  readonly doubted: ReadonlySet<number>
}

/** Writes down what is needed, and what of it was read when. */
export function writeMemory(stored: StoredContents, states: ContentStates, facts: MemoryFacts): Uint8Array {
  const image = Buffer.alloc(HEADER + states.neededCount * RECORD + 4)
  image.writeUInt32LE(MAGIC, 0)
  image.set(markOf(facts.repositoryId), 4)
  image.writeUInt16LE(facts.walkedDay, 12)
  image[14] = facts.isWhole ? 1 : 0
  image.writeUInt32LE(states.neededCount, 15)
  let at = HEADER
  for (let row = 0; row < stored.contentCount; row++) {
    if (!states.isNeeded(row)) continue
    image.set(keyOf(stored, row), at)
    image.writeUInt32LE(placesOf(stored, row), at + KEY)
    const isRead =
      states.isRead(row) && states.lossOf(row) === undefined && !liesIn(stored, row, facts.doubted)
    image.writeUInt16LE(isRead ? (states.readDay[row] ?? 0) : 0, at + KEY + 4)
    image[at + KEY + 6] = states.isWalked(row) ? 1 : 0
    at += RECORD
  }
  image.writeUInt32LE(crc32(image.subarray(0, at)), at)
  return image
}

function liesIn(stored: StoredContents, row: number, packs: ReadonlySet<number>): boolean {
  if (packs.size === 0) return false
  return [...stored.placesAt(row)].some((place) => packs.has(stored.placeAt(place).pack))
}

export interface Trust {
  readonly repositoryId: string
  /** Readings and walks before this day are forgotten. */
  readonly since: number
}

export interface Recalled {
  /** Day of the last whole walk that is relied on; undefined: every tree has to be walked. */
  readonly walkedDay: number | undefined
  /** Contents that were read before and need not be again. */
  readonly read: number
}

const NOTHING: Recalled = { walkedDay: undefined, read: 0 }

/**
 * Marks what is remembered. Trees that were walked are believed only while everything that they needed is still in the index: what they
 * need cannot change, for they are named by what they say. An image that is not whole, or of another repository, is nothing.
 */
export function recall(
  image: Uint8Array,
  stored: StoredContents,
  states: ContentStates,
  trust: Trust,
): Recalled {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength)
  const count = bytes.length < HEADER + 4 ? -1 : bytes.readUInt32LE(15)
  if (count < 0 || bytes.length !== HEADER + count * RECORD + 4 || bytes.readUInt32LE(0) !== MAGIC)
    return NOTHING
  if (crc32(bytes.subarray(0, -4)) !== bytes.readUInt32LE(bytes.length - 4)) return NOTHING
  if (!bytes.subarray(4, 12).equals(markOf(trust.repositoryId))) return NOTHING

  const known = new IdTable(KEY, count)
  const recordOf = new Column(count)
  for (let record = 0; record < count; record++) {
    const at = HEADER + record * RECORD
    recordOf.set(known.add(bytes.subarray(at, at + KEY)), at)
  }
  const walkedDay = bytes.readUInt16LE(12)
  const isKnownWhole = bytes[14] === 1 && walkedDay >= trust.since
  const isWhole = isKnownWhole && countKnown(known, stored) === known.size
  let read = 0
  for (let row = 0; row < stored.contentCount; row++) {
    const found = known.rowOf(keyOf(stored, row))
    if (found === undefined) continue
    const at = recordOf.get(found) + KEY
    const day = bytes.readUInt16LE(at + 4)
    if (day !== 0 && day >= trust.since && bytes.readUInt32LE(at) === placesOf(stored, row)) {
      states.markRemembered(row, day)
      read++
    }
    if (!isWhole) continue
    states.needRow(row)
    if (bytes[at + 6] === 1) states.markWalked(row)
  }
  return { walkedDay: isWhole ? walkedDay : undefined, read }
}

function countKnown(known: IdTable, stored: StoredContents): number {
  let count = 0
  for (let row = 0; row < stored.contentCount; row++)
    if (known.rowOf(keyOf(stored, row)) !== undefined) count++
  return count
}

function markOf(repositoryId: string): Uint8Array {
  return createHash("sha256").update(repositoryId).digest().subarray(0, 8)
}

const key = new Uint8Array(KEY)

/** Hashes are as good as random from their first byte on; the prefix goes into it. A view that holds until the next call. */
function keyOf(stored: StoredContents, row: number): Uint8Array {
  const full = stored.keyAt(row)
  key.set(full.subarray(1, 1 + KEY))
  key[0] = (key[0] ?? 0) ^ Math.imul(full[0] ?? 0, 0x9d)
  return key
}

/** Changes when a content lies elsewhere: then it was written anew, and has to be read anew. */
function placesOf(stored: StoredContents, row: number): number {
  let mixed = 0
  for (const place of stored.placesAt(row)) {
    const { pack, offset, length } = stored.placeAt(place)
    mixed ^= Math.imul(packMark(stored, pack) ^ offset, 0x9e37_79b1) ^ length
  }
  return mixed >>> 0
}

/** The hash in a pack's name, its first four bytes. */
function packMark(stored: StoredContents, pack: number): number {
  return Number.parseInt(stored.packId(pack).replace(/^[pq]/, "").slice(0, 8), 16) | 0
}
