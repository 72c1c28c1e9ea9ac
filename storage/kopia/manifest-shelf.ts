import type { Hash } from "node:crypto"
import type { Snapshot, SnapshotSource } from "../repository.js"
import type { ManifestBlock } from "./manifest-block.js"
import type { KopiaPolicy } from "./policy.js"

/** Blocks side by side: their manifests are numbered through, and a number is all that has to be kept of one. */
export class ManifestShelf {
  readonly #blocks: ManifestBlock[] = []
  readonly #firsts: number[] = []
  #count = 0
  #at = 0

  /** The number of the block's first manifest. */
  add(block: ManifestBlock): number {
    const first = this.#count
    this.#blocks.push(block)
    this.#firsts.push(first)
    this.#count += block.count
    return first
  }

  hashOf(manifest: number): number {
    return this.#blockOf(manifest).hashOf(this.#rowOf(manifest))
  }

  haveOneId(manifest: number, other: number): boolean {
    const block = this.#blockOf(other)
    const row = this.#rowOf(other)
    return this.#blockOf(manifest).hasIdOf(this.#rowOf(manifest), block, row)
  }

  /** At equal times what exists wins: the engine leaves it open, and too much is noticed sooner than too little. */
  isLater(manifest: number, other: number): boolean {
    const block = this.#blockOf(other)
    const row = this.#rowOf(other)
    const difference = this.#blockOf(manifest).compareModified(this.#rowOf(manifest), block, row)
    return difference === 0 ? this.isDeleted(other) && !this.isDeleted(manifest) : difference > 0
  }

  compareStart(manifest: number, other: number): number {
    const block = this.#blockOf(other)
    const row = this.#rowOf(other)
    return this.#blockOf(manifest).compareStart(this.#rowOf(manifest), block, row)
  }

  isDeleted(manifest: number): boolean {
    return this.#blockOf(manifest).isDeleted(this.#rowOf(manifest))
  }

  sourceOf(manifest: number): SnapshotSource | undefined {
    return this.#blockOf(manifest).sourceOf(this.#rowOf(manifest))
  }

  snapshotAt(manifest: number): Snapshot {
    return this.#blockOf(manifest).snapshotAt(this.#rowOf(manifest))
  }

  policyAt(manifest: number): KopiaPolicy | undefined {
    return this.#blockOf(manifest).policyAt(this.#rowOf(manifest))
  }

  sign(manifest: number, hash: Hash): void {
    this.#blockOf(manifest).sign(this.#rowOf(manifest), hash)
  }

  /** Also moves `#at` there, for `#rowOf`: neighbours are looked at one after the other. */
  #blockOf(manifest: number): ManifestBlock {
    if (manifest < (this.#firsts[this.#at] ?? 0) || manifest >= (this.#firsts[this.#at + 1] ?? this.#count))
      this.#at = this.#search(manifest)
    const block = this.#blocks[this.#at]
    if (block === undefined) throw new RangeError(`there is no manifest ${manifest}`)
    return block
  }

  /** Right after `#blockOf` of the same manifest. */
  #rowOf(manifest: number): number {
    return manifest - (this.#firsts[this.#at] ?? 0)
  }

  #search(manifest: number): number {
    let [low, high] = [0, this.#firsts.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#firsts[middle] ?? Infinity) <= manifest) low = middle
      else high = middle
    }
    return low
  }
}
