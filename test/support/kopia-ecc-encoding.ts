// The writing half of Kopia's error correction (kopia-repository-format §8), by the matrix: it shares no line with the
// reader in storage/kopia, which interpolates.
import { crc32 } from "node:zlib"

/** What Kopia derives from the overhead in percent. */
export interface EccProfile {
  readonly dataShards: number
  readonly parityShards: number
  /** Bytes. */
  readonly longestShard: number
}

export interface EncodedEcc {
  readonly stored: Buffer
  /** Where each shard lies with its CRC, by block; shards of zeros that are not stored are left out. */
  readonly blocks: readonly { readonly data: readonly Place[]; readonly parity: readonly Place[] }[]
}

export interface Place {
  readonly start: number
  readonly end: number
}

export function encodeEcc(plain: Uint8Array, profile: EccProfile): EncodedEcc {
  const { blocks, dataShards, parityShards, shardLength, storesPadding } = shapeOf(plain.length + 4, profile)
  const data = Buffer.alloc(blocks * dataShards * shardLength)
  data.writeUInt32BE(plain.length)
  data.set(plain, 4)
  const rows = generator(dataShards, parityShards).slice(dataShards)
  const parity: Buffer[] = []
  const stored: Buffer[] = []
  for (let block = 0; block < blocks; block++) {
    const shards = Array.from({ length: dataShards }, (_, shard) => {
      const at = (block * dataShards + shard) * shardLength
      return data.subarray(at, at + shardLength)
    })
    parity.push(...rows.map((row) => withCrc(combine(row, shards, shardLength))))
    stored.push(...shards.map(withCrc))
  }
  const shardsUsed = Math.ceil((plain.length + 4) / shardLength)
  const dataLength = storesPadding ? stored.length * (4 + shardLength) : shardsUsed * 4 + plain.length + 4
  const length = parity.length * (4 + shardLength) + dataLength
  const place = (shard: number): Place => ({
    start: shard * (4 + shardLength),
    end: Math.min((shard + 1) * (4 + shardLength), length),
  })
  const places = (first: number, count: number) =>
    Array.from({ length: count }, (_, shard) => place(first + shard)).filter(({ start }) => start < length)
  return {
    stored: Buffer.concat([...parity, ...stored]).subarray(0, length),
    blocks: Array.from({ length: blocks }, (_, block) => ({
      parity: places(block * parityShards, parityShards),
      data: places(blocks * parityShards + block * dataShards, dataShards),
    })),
  }
}

function shapeOf(length: number, { dataShards, parityShards, longestShard }: EccProfile) {
  if (length <= 2 * 4 * (dataShards + parityShards)) {
    return {
      blocks: 1,
      dataShards: 6,
      parityShards: 2,
      shardLength: Math.ceil(length / 6),
      storesPadding: true,
    }
  }
  if (length <= dataShards * longestShard) {
    const shardLength = Math.ceil(length / dataShards)
    return { blocks: 1, dataShards, parityShards, shardLength, storesPadding: true }
  }
  const blocks = Math.ceil(length / (dataShards * longestShard))
  return { blocks, dataShards, parityShards, shardLength: longestShard, storesPadding: false }
}

function withCrc(shard: Uint8Array): Buffer {
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(shard))
  return Buffer.concat([crc, shard])
}

function combine(row: readonly number[], shards: readonly Uint8Array[], length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) =>
    row.reduce((sum, factor, shard) => sum ^ times(factor, shards[shard]?.[at] ?? 0), 0),
  )
}

const generators = new Map<string, number[][]>()

/** Vandermonde, row r column c = r^c, times the inverse of its top square: the identity, then the parity rows. */
function generator(dataShards: number, parityShards: number): number[][] {
  const key = `${dataShards}+${parityShards}`
  let matrix = generators.get(key)
  if (matrix === undefined) {
    const vandermonde = Array.from({ length: dataShards + parityShards }, (_, row) => {
      const powers = [1]
      while (powers.length < dataShards) powers.push(times(powers.at(-1) ?? 0, row))
      return powers
    })
    const inverse = inverted(vandermonde.slice(0, dataShards))
    matrix = vandermonde.map((row) =>
      Array.from({ length: dataShards }, (_, column) =>
        row.reduce((sum, factor, at) => sum ^ times(factor, inverse[at]?.[column] ?? 0), 0),
      ),
    )
    generators.set(key, matrix)
  }
  return matrix
}

/** Gauss-Jordan. */
function inverted(square: readonly (readonly number[])[]): number[][] {
  const size = square.length
  const rows = square.map((row, at) => [
    ...row,
    ...Array.from({ length: size }, (_, i) => (i === at ? 1 : 0)),
  ])
  for (let column = 0; column < size; column++) {
    const pivotAt = rows.findIndex((row, at) => at >= column && row[column] !== 0)
    const pivot = rows[pivotAt]
    const here = rows[column]
    if (pivot === undefined || here === undefined) throw new RangeError("a matrix without an inverse")
    rows[pivotAt] = here
    const scale = inverseOf(pivot[column] ?? 0)
    const scaled = pivot.map((value) => times(value, scale))
    rows[column] = scaled
    for (const [at, row] of rows.entries()) {
      const factor = row[column] ?? 0
      if (at !== column && factor !== 0)
        rows[at] = row.map((value, i) => value ^ times(factor, scaled[i] ?? 0))
    }
  }
  return rows.map((row) => row.slice(size))
}

const products = Array.from({ length: 256 }, (_, a) =>
  Uint8Array.from({ length: 256 }, (_, b) => slowProduct(a, b)),
)
const inverses = products.map((row) => row.indexOf(1))

function times(a: number, b: number): number {
  return products[a]?.[b] ?? 0
}

function inverseOf(a: number): number {
  return inverses[a] ?? 0
}

/** Multiplication of polynomials over GF(2), reduced by x^8 + x^4 + x^3 + x^2 + 1. */
function slowProduct(a: number, b: number): number {
  let product = 0
  for (let bit = 0; bit < 8; bit++) if ((b & (1 << bit)) !== 0) product ^= a << bit
  for (let bit = 14; bit >= 8; bit--) if ((product & (1 << bit)) !== 0) product ^= 0x11d << (bit - 8)
  return product
}
