import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"

export interface Planted {
  readonly name: string
  readonly isZeros: boolean
}

/**
 * Files around the places where an engine cuts: of each size one of zeros, and one each whose first, middle or last byte is not.
 * They have holes and take no space.
 */
export function plant(directory: string, sizes: readonly number[]): Planted[] {
  mkdirSync(directory, { recursive: true })
  const planted: Planted[] = []
  for (const size of sizes) {
    const odd = size === 0 ? [] : [...new Set([0, Math.floor(size / 2), size - 1])]
    for (const at of [undefined, ...odd]) {
      const name = at === undefined ? `zeros-${size}` : `one-at-${at}-of-${size}`
      const file = openSync(join(directory, name), "w")
      ftruncateSync(file, size)
      if (at !== undefined) writeSync(file, Uint8Array.of(1), 0, 1, at)
      closeSync(file)
      planted.push({ name, isZeros: at === undefined && size > 0 })
    }
  }
  return planted
}

/** The sizes around where something is cut at every `cut` bytes. */
export function around(cut: number, times = 3): number[] {
  const edges = Array.from({ length: times }, (_, at) => [-1, 0, 1].map((by) => (at + 1) * cut + by))
  return edges.flat()
}
