// The writing half of the restic format (restic-repository-format §2 to §8), for repositories that tests make up.
// It shares no line with the reader in storage/restic, so that the two can disagree.
import { createCipheriv, createHash, scryptSync } from "node:crypto"
import { poly1305 } from "@noble/ciphers/_poly1305.js"

export interface ResticKey {
  readonly encrypt: Buffer
  readonly k: Buffer
  readonly r: Buffer
}

export interface KeyCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

const derived = new Map<string, ResticKey>()

/** §3. Remembered for the run, because benches make a thousand repositories with one password and one salt. */
export function deriveUserKey(password: string, salt: Buffer, cost: KeyCost): ResticKey {
  const label = `${cost.N} ${cost.r} ${cost.p} ${salt.toString("hex")} ${password}`
  const known = derived.get(label)
  if (known !== undefined) return known
  const maxmem = 256 * cost.N * cost.r + 256 * cost.r * cost.p + 1024 * 1024
  const bytes = scryptSync(password, salt, 64, { ...cost, maxmem })
  const key = { encrypt: bytes.subarray(0, 32), k: bytes.subarray(32, 48), r: bytes.subarray(48, 64) }
  derived.set(label, key)
  return key
}

/** §2: IV, ciphertext, tag. */
export function seal(key: ResticKey, iv: Buffer, plain: Uint8Array): Buffer {
  const stream = createCipheriv("aes-256-ctr", key.encrypt, iv)
  const ciphertext = Buffer.concat([stream.update(plain), stream.final()])
  const block = createCipheriv("aes-128-ecb", key.k, null).setAutoPadding(false)
  const s = Buffer.concat([block.update(iv), block.final()])
  return Buffer.concat([iv, ciphertext, poly1305(ciphertext, Buffer.concat([key.r, s]))])
}

/**
 * A zstd frame of raw blocks: valid zstd that every decoder must take, without a compressor that Node before 22.15 lacks.
 * The content size is present and there is no checksum, as restic writes it.
 */
export function zstdFrame(plain: Uint8Array): Buffer {
  const header = Buffer.alloc(9)
  header.writeUInt32LE(0xfd2f_b528, 0)
  // Single segment, content size in four bytes.
  header[4] = 0xa0
  header.writeUInt32LE(plain.length, 5)
  const parts: Uint8Array[] = [header]
  const blockLimit = 128 * 1024
  for (let at = 0; at < plain.length || at === 0; at += blockLimit) {
    const block = plain.subarray(at, at + blockLimit)
    const blockHeader = Buffer.alloc(3)
    blockHeader.writeUIntLE(block.length * 8 + (at + blockLimit >= plain.length ? 1 : 0), 0, 3)
    parts.push(blockHeader, block)
  }
  return Buffer.concat(parts)
}

/** §5: what an index or snapshot file holds before it is sealed. */
export function encodeUnpacked(version: 1 | 2, value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  return version === 1 ? json : Buffer.concat([Buffer.from([2]), zstdFrame(json)])
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest()
}

export interface IndexedBlob {
  readonly id: string
  readonly type: "tree"
  readonly offset: number
  readonly length: number
  readonly uncompressed_length?: number
}

/** §6: trees in one pack file, and the index entries that find them. */
export function encodeTreePack(
  version: 1 | 2,
  trees: readonly Uint8Array[],
  key: ResticKey,
  nextIv: () => Buffer,
): { readonly bytes: Buffer; readonly blobs: readonly IndexedBlob[] } {
  const parts: Buffer[] = []
  const header: Buffer[] = []
  const blobs: IndexedBlob[] = []
  let offset = 0
  for (const tree of trees) {
    const sealed = seal(key, nextIv(), version === 1 ? tree : zstdFrame(tree))
    const id = sha256(tree)
    const lengths = Buffer.alloc(version === 1 ? 4 : 8)
    lengths.writeUInt32LE(sealed.length, 0)
    if (version === 2) lengths.writeUInt32LE(tree.length, 4)
    header.push(Buffer.from([version === 1 ? 1 : 3]), lengths, id)
    blobs.push({
      id: id.toString("hex"),
      type: "tree",
      offset,
      length: sealed.length,
      ...(version === 2 && { uncompressed_length: tree.length }),
    })
    parts.push(sealed)
    offset += sealed.length
  }
  const sealedHeader = seal(key, nextIv(), Buffer.concat(header))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(sealedHeader.length)
  return { bytes: Buffer.concat([...parts, sealedHeader, length]), blobs }
}
