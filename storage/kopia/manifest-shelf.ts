import type { Hash } from "node:crypto"
import type { Snapshot, SnapshotSource } from "../repository.js"
import type { ManifestBlock } from "./manifest-block.js"
import type { KopiaPolicy } from "./policy.js"

/** Blocks side by side: their manifests are numbered through, and a number is all that has to be kept of one. */
export class ManifestShelf {
  readonly #blocks: ManifestBlock[] = []
  readonly #firsts: number[] = []
  #count = 0

  /** The number of the block's first manifest. */
  add(block: ManifestBlock): number {
    const first = this.#count
    this.#blocks.push(block)
    this.#firsts.push(first)
    this.#count += block.count
    return first
  }

  hashOf(manifest: number): number {
    const [block, row] = this.#find(manifest)
    return block.hashOf(row)
  }

  haveOneId(manifest: number, other: number): boolean {
    const [block, row] = this.#find(manifest)
    return block.hasIdOf(row, ...this.#find(other))
  }

  /** At equal times what exists wins: the engine leaves it open, and too much is noticed sooner than too little. */
  isLater(manifest: number, other: number): boolean {
    const [block, row] = this.#find(manifest)
    const difference = block.compareModified(row, ...this.#find(other))
    return difference === 0 ? this.isDeleted(other) && !this.isDeleted(manifest) : difference > 0
  }

  compareStart(manifest: number, other: number): number {
    const [block, row] = this.#find(manifest)
    return block.compareStart(row, ...this.#find(other))
  }

  isDeleted(manifest: number): boolean {
    const [block, row] = this.#find(manifest)
    return block.isDeleted(row)
  }

  sourceOf(manifest: number): SnapshotSource | undefined {
    const [block, row] = this.#find(manifest)
    return block.sourceOf(row)
  }

  snapshotAt(manifest: number): Snapshot {
    const [block, row] = this.#find(manifest)
    return block.snapshotAt(row)
  }

  policyAt(manifest: number): KopiaPolicy | undefined {
    const [block, row] = this.#find(manifest)
    return block.policyAt(row)
  }

  sign(manifest: number, hash: Hash): void {
    const [block, row] = this.#find(manifest)
    block.sign(row, hash)
  }

  #find(manifest: number): readonly [ManifestBlock, number] {
    let [low, high] = [0, this.#firsts.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#firsts[middle] ?? Infinity) <= manifest) low = middle
      else high = middle
    }
    const block = this.#blocks[low]
    if (block === undefined) throw new RangeError(`there is no manifest ${manifest}`)
    return [block, manifest - (this.#firsts[low] ?? 0)]
  }
}
