// The writing half of the Kopia format (kopia-repository-format §4 to §9), for repositories that tests make up.
// It shares no line with the reader in storage/kopia, so that the two can disagree.
import { createCipheriv, createHmac, hkdfSync, pbkdf2Sync, scryptSync } from "node:crypto"
import { crc32 } from "node:zlib"
import { blake2b } from "@noble/hashes/blake2.js"
import type { SeededBytes } from "./seeded.js"

export type KeyAlgorithm = "scrypt-65536-8-1" | "pbkdf2-sha256-600000"

const derived = new Map<string, Buffer>()

/** §4.1 step 1. Remembered for the run, because benches make many repositories with one password. */
export function deriveFormatKey(algorithm: KeyAlgorithm, password: string, salt: Buffer): Buffer {
  const label = `${algorithm} ${salt.toString("hex")} ${password}`
  let key = derived.get(label)
  key ??=
    algorithm === "scrypt-65536-8-1"
      ? scryptSync(password, salt, 32, { N: 65536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 })
      : pbkdf2Sync(password, salt, 600_000, 32, "sha256")
  derived.set(label, key)
  return key
}

export function hkdf(key: Uint8Array, salt: Uint8Array | string, info: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, info, 32))
}

/** nonce, ciphertext and tag of AES-256-GCM in one piece. */
export function sealGcm(key: Uint8Array, aad: Uint8Array, nonce: Buffer, plain: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce)
  cipher.setAAD(aad)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Hashing and encryption of contents and index blobs: BLAKE2B-256-128 with AES256-GCM-HMAC-SHA256, Kopia's defaults. */
export class ContentKeys {
  readonly #hashSecret: Buffer
  readonly #encryption: Buffer
  readonly #random: SeededBytes

  constructor(masterKey: Buffer, hashSecret: Buffer, random: SeededBytes) {
    this.#hashSecret = hashSecret
    this.#encryption = hkdf(masterKey, "encryption", "")
    this.#random = random
  }

  hash(plain: Uint8Array): Buffer {
    return Buffer.from(blake2b(plain, { key: this.#hashSecret, dkLen: 32 }).subarray(0, 16))
  }

  /** §6.3. `iv` is the content's hash, or the hash in a blob's name. */
  seal(plain: Uint8Array, iv: Buffer): Buffer {
    const key = createHmac("sha256", this.#encryption).update(iv).digest()
    return sealGcm(key, iv, this.#random.bytes(12), plain)
  }
}

/** One content as an index tells it. */
export interface IndexedContent {
  /** The letter before the hash, "" for file data. */
  readonly prefix: string
  readonly hash: Buffer
  readonly pack: string
  readonly offset: number
  readonly packedLength: number
  readonly originalLength: number
  /** Unix seconds. */
  readonly written: number
}

const KEY_SIZE = 17

/** §9.2. Index version 2 with one format record: one compression for all, format version 3, key 0. */
export function encodeIndex(contents: readonly IndexedContent[], compression = 0): Buffer {
  const sorted = contents
    .map((content) => ({ key: Buffer.concat([prefixByte(content.prefix), content.hash]), content }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
  const packs = new Map<string, number>()
  for (const { content } of sorted) if (!packs.has(content.pack)) packs.set(content.pack, packs.size)
  const entrySize = sorted.some(
    ({ content }) => content.originalLength > 0xff_ffff || content.packedLength > 0xff_ffff,
  )
    ? 19
    : packs.size > 0x1_0000
      ? 18
      : 16

  const header = Buffer.alloc(17)
  header[0] = 2
  header[1] = KEY_SIZE
  header.writeUInt16BE(entrySize, 2)
  header.writeUInt32BE(sorted.length, 4)
  header.writeUInt32BE(packs.size, 8)
  header[12] = 1

  const entries = Buffer.alloc(sorted.length * (KEY_SIZE + entrySize))
  let at = 0
  for (const { key, content } of sorted) {
    key.copy(entries, at)
    encodeEntry(content, packs.get(content.pack) ?? 0, entrySize).copy(entries, at + KEY_SIZE)
    at += KEY_SIZE + entrySize
  }

  const packRecords = Buffer.alloc(packs.size * 5)
  let name = header.length + entries.length + packRecords.length + 6
  at = 0
  for (const pack of packs.keys()) {
    packRecords[at] = pack.length
    packRecords.writeUInt32BE(name, at + 1)
    at += 5
    name += pack.length
  }
  const format = Buffer.from([0, 0, 0, 0, 3, 0])
  format.writeUInt32BE(compression)
  return Buffer.concat([
    header,
    entries,
    packRecords,
    format,
    Buffer.from([...packs.keys()].join(""), "latin1"),
  ])
}

function prefixByte(prefix: string): Buffer {
  return prefix === "" ? Buffer.alloc(1) : Buffer.from(prefix, "latin1")
}

function encodeEntry(content: IndexedContent, pack: number, entrySize: number): Buffer {
  const entry = Buffer.alloc(19)
  entry.writeUInt32BE(content.written, 0)
  entry.writeUInt32BE(content.offset, 4)
  entry.writeUIntBE(content.originalLength % 0x100_0000, 8, 3)
  entry.writeUIntBE(content.packedLength % 0x100_0000, 11, 3)
  entry.writeUInt16BE(pack % 0x1_0000, 14)
  entry[17] = Math.floor(pack / 0x1_0000)
  entry[18] =
    Math.floor(content.originalLength / 0x100_0000) * 16 + Math.floor(content.packedLength / 0x100_0000)
  return entry.subarray(0, entrySize)
}

/** §6.4. What contents become in one pack: its bytes, and where each content lies in it. */
export function encodePack(
  name: string,
  contents: readonly { readonly prefix: string; readonly plain: Uint8Array }[],
  keys: ContentKeys,
  random: SeededBytes,
  written: number,
): { readonly bytes: Buffer; readonly indexed: readonly IndexedContent[] } {
  const parts: Buffer[] = [random.bytes(32)]
  const indexed: IndexedContent[] = []
  let offset = 32
  for (const { prefix, plain } of contents) {
    const hash = keys.hash(plain)
    const sealed = keys.seal(plain, hash)
    parts.push(sealed)
    indexed.push({
      prefix,
      hash,
      pack: name,
      offset,
      packedLength: sealed.length,
      originalLength: plain.length,
      written,
    })
    offset += sealed.length
  }
  const padding = 4096 - (offset % 4096)
  parts.push(random.bytes(padding))
  offset += padding

  const local = encodeIndex(indexed)
  const iv = keys.hash(local)
  const sealedLocal = keys.seal(local, iv)
  const payload = Buffer.from([1, iv.length, ...iv, ...uvarint(offset), ...uvarint(sealedLocal.length)])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(payload))
  parts.push(sealedLocal, payload, check, Buffer.from([payload.length + 4]))
  return { bytes: Buffer.concat(parts), indexed }
}

function uvarint(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}
