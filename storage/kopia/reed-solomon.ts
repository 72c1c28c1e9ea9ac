import { addMultiple, divide, multiply } from "./galois-field.js"

// The code is a Vandermonde matrix times the inverse of its top square. Seen from the bytes in one column: there is one
// polynomial of degree below `dataShards` whose value at point i is the byte of shard i, for data and parity alike. Any
// `dataShards` of the shards fix that polynomial, and Lagrange's formula gives its value at the point of a lost one.

/**
 * The data shards of one block (kopia-repository-format §8). `shards` holds the data shards, then the parity shards, all
 * of one length and at most 256 together, undefined where one is lost. Undefined when more are lost than there is parity.
 */
export function reconstructData(
  shards: readonly (Uint8Array | undefined)[],
  dataShards: number,
): Uint8Array[] | undefined {
  const data = shards.slice(0, dataShards)
  const present = data.filter((shard) => shard !== undefined)
  if (present.length === dataShards) return present

  const points: number[] = []
  for (let point = 0; point < shards.length && points.length < dataShards; point++) {
    if (shards[point] !== undefined) points.push(point)
  }
  if (points.length < dataShards) return undefined
  const weights = points.map((point) => product(points, (other) => (other === point ? 1 : point ^ other)))
  return data.map((shard, at) => shard ?? interpolate(shards, points, weights, at))
}

/** `weights` are the denominators of Lagrange's formula, the same for every lost shard. */
function interpolate(
  shards: readonly (Uint8Array | undefined)[],
  points: readonly number[],
  weights: readonly number[],
  lost: number,
): Uint8Array {
  const all = product(points, (point) => lost ^ point)
  const result = new Uint8Array(shards[points[0] ?? 0]?.length ?? 0)
  for (const [index, point] of points.entries()) {
    const shard = shards[point]
    if (shard === undefined) continue
    addMultiple(result, shard, divide(all, multiply(lost ^ point, weights[index] ?? 1)))
  }
  return result
}

function product(points: readonly number[], factor: (point: number) => number): number {
  return points.reduce((result, point) => multiply(result, factor(point)), 1)
}
