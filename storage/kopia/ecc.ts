import { crc32 } from "node:zlib"
import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { reconstructData } from "./reed-solomon.js"

// Kopia's error correction (kopia-repository-format §8) wraps what the cipher gave:
//
//   parity shards of all blocks, then data shards of all blocks, each behind the big-endian CRC-32 of the whole shard;
//   the data shards together: big-endian length, that many bytes, zeros.
//
// Where there is more than one block, zeros at the end are not stored; the CRC covers them all the same.
const CRC_LENGTH = 4

export interface EccSettings {
  readonly algorithm: string
  readonly overheadPercent: number
}

export interface EccDecoded {
  readonly bytes: Uint8Array
  /** True when a data shard was damaged and its bytes were computed from parity. */
  readonly repaired: boolean
}

/** How one stored item is cut. */
interface Layout {
  readonly blocks: number
  readonly dataShards: number
  readonly parityShards: number
  readonly shardLength: number
}

/**
 * Takes the error correction off `stored`, repairing damaged data where the parity allows it, as Kopia does. `settings`
 * are the format block's `ecc` and `eccOverheadPercent`; `what` names the bytes in errors. Throws StorageError `corrupt`
 * when a block is damaged beyond its parity, `unsupported` for an unknown algorithm.
 */
export function eccDecode(stored: Uint8Array, settings: EccSettings, what: string): EccDecoded {
  if (settings.algorithm !== "REED-SOLOMON-CRC32") {
    throw new StorageError("unsupported", `unknown error correction ${JSON.stringify(settings.algorithm)}`, {
      facts: { algorithm: settings.algorithm },
    })
  }
  const layout = layoutOf(stored.length, settings.overheadPercent)
  const { dataShards, parityShards, shardLength } = layout
  const frameLength = CRC_LENGTH + shardLength
  const parityLength = layout.blocks * parityShards * frameLength
  if (stored.length <= parityLength) {
    throw new StorageError("corrupt", `${what}: ${stored.length} bytes cannot hold data behind their parity`)
  }
  const padded = new Uint8Array(layout.blocks * (dataShards + parityShards) * frameLength)
  padded.set(stored)

  const data = new Uint8Array(layout.blocks * dataShards * shardLength)
  let repaired = false
  for (let block = 0; block < layout.blocks; block++) {
    const parityAt = block * parityShards * frameLength
    const dataAt = parityLength + block * dataShards * frameLength
    const shards = [
      ...readShards(padded, dataAt, dataShards, shardLength, stored.length),
      ...readShards(padded, parityAt, parityShards, shardLength, stored.length),
    ]
    const whole = reconstructData(shards, dataShards)
    if (whole === undefined) throw beyondRepair(shards, layout, block, what)
    repaired ||= shards.slice(0, dataShards).includes(undefined)
    for (const [at, shard] of whole.entries()) data.set(shard, (block * dataShards + at) * shardLength)
  }

  const reader = new ByteReader(data, what)
  const length = reader.u32be("length below error correction")
  return { bytes: reader.bytes(length, "data below error correction"), repaired }
}

/** The shards from byte `start` on, undefined where the CRC disagrees. */
function readShards(
  padded: Uint8Array,
  start: number,
  count: number,
  shardLength: number,
  storedLength: number,
): (Uint8Array | undefined)[] {
  const reader = new ByteReader(padded, "error correction", start)
  return Array.from({ length: count }, () => {
    const at = reader.position
    const expected = reader.u32be("shard CRC")
    const shard = reader.bytes(shardLength, "shard")
    // Behind the stored bytes lie zeros that were left out together with their CRC.
    return at >= storedLength || crc32(shard) === expected ? shard : undefined
  })
}

function layoutOf(storedLength: number, overheadPercent: number): Layout {
  const longestShard = longestShardOf(overheadPercent)
  const { dataShards, parityShards } = shardCounts(overheadPercent, longestShard)
  const shards = dataShards + parityShards

  const smallShards = 8
  const smallLimit = smallShards * (CRC_LENGTH + Math.ceil((2 * CRC_LENGTH * shards) / 6))
  const blockLength = shards * (CRC_LENGTH + longestShard)
  const oneShard = (count: number) => Math.max(Math.ceil(storedLength / count), CRC_LENGTH + 1) - CRC_LENGTH

  if (storedLength <= smallLimit) {
    return { blocks: 1, dataShards: 6, parityShards: 2, shardLength: oneShard(smallShards) }
  }
  if (storedLength <= blockLength) {
    return { blocks: 1, dataShards, parityShards, shardLength: oneShard(shards) }
  }
  return {
    blocks: Math.ceil(storedLength / blockLength),
    dataShards,
    parityShards,
    shardLength: longestShard,
  }
}

function longestShardOf(overheadPercent: number): number {
  if (overheadPercent === 1) return 1024
  if (overheadPercent === 2) return 512
  if (overheadPercent === 3) return 256
  return overheadPercent <= 6 ? 128 : 64
}

/** Kopia computes in 32-bit floats; with more precision some percentages would give other counts. */
function shardCounts(
  overheadPercent: number,
  longestShard: number,
): Pick<Layout, "dataShards" | "parityShards"> {
  const forCrc = Math.fround((100 * CRC_LENGTH) / longestShard)
  const free = Math.max(Math.fround(Math.fround(overheadPercent) - forCrc), Math.fround(0.01))
  const parityShards = clamp(Math.floor(128 * Math.fround(free / 100)), 1, 128)
  if (parityShards > 1) return { dataShards: 128, parityShards }
  return { dataShards: clamp(Math.floor(2 * Math.fround(100 / free)), 128, 254), parityShards: 2 }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

function beyondRepair(
  shards: readonly (Uint8Array | undefined)[],
  layout: Layout,
  block: number,
  what: string,
): StorageError {
  const damaged = shards.filter((shard) => shard === undefined).length
  return new StorageError(
    "corrupt",
    `${what}: ${damaged} of ${shards.length} shards of block ${block} are damaged, parity repairs at most ${layout.parityShards}`,
    { facts: { damaged, repairable: layout.parityShards, block } },
  )
}
