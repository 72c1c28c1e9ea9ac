import { createHash } from "node:crypto"
import { Column, IdTable, NumberedNames } from "../bytes/index.js"
import type { SnapshotEntry } from "../contents.js"
import type { DamageReason } from "./types.js"

const WHOLE = 0
/** Something below it is damaged. */
const BELOW = 1
/** It is damaged itself; which reason, is added. */
const ITSELF = 2
const MOST = 0xffff_ffff

/**
 * Which directories have which below them, and which are damaged: numbers only, because a repository has millions. A directory that
 * many others have is there once; it is known by what is in it.
 */
export class DirectoryGraph {
  readonly #rows = new IdTable(32)
  readonly #states = new Column()
  readonly #reasons = new NumberedNames()
  /** By row: damaged entries that are no directories. */
  readonly #own = new Column()
  /** By row, once `settle` was called: damaged paths below it. */
  readonly #counts = new Column()
  /** By row, likewise: 1 where a directory is damaged itself, at or below it. */
  readonly #holes = new Column()
  /** By row: its last edge upwards, counted from 1. By edge: the row above, and the edge before. */
  readonly #last = new Column()
  readonly #above = new Column()
  readonly #before = new Column()
  #edges = 0

  get size(): number {
    return this.#rows.size
  }

  /** The row of a directory, and whether it was not known before. */
  add(directory: SnapshotEntry): { readonly row: number; readonly isNew: boolean } {
    const before = this.#rows.size
    const row = this.#rows.add(keyOf(directory))
    return { row, isNew: row === before }
  }

  link(above: number, below: number): void {
    const edge = this.#edges++
    this.#above.set(edge, above)
    this.#before.set(edge, this.#last.get(below))
    this.#last.set(below, edge + 1)
  }

  markItself(row: number, reason: DamageReason): void {
    this.#states.set(row, ITSELF + this.#reasons.numberOf(reason))
  }

  markOwn(row: number): void {
    if (this.#states.get(row) === WHOLE) this.#states.set(row, BELOW)
    this.#own.set(row, Math.min(MOST, this.#own.get(row) + 1))
  }

  isDamaged(row: number): boolean {
    return this.#states.get(row) !== WHOLE
  }

  /** Why the directory itself is damaged; undefined when it can be read. */
  reasonOf(row: number): DamageReason | undefined {
    const state = this.#states.get(row)
    return state < ITSELF ? undefined : (this.#reasons.nameOf(state - ITSELF) as DamageReason)
  }

  /** Damaged paths at and below a directory; 2³² - 1 stands for so many or more. */
  countOf(row: number): number {
    return this.#counts.get(row)
  }

  /** False: a directory, it or one below it, cannot be read. */
  isWalked(row: number): boolean {
    return this.#holes.get(row) === 0
  }

  /** Carries the damage up from where it is to every directory above it, and counts. Once, when all edges are known. */
  settle(): void {
    const damaged: number[] = []
    for (let row = 0; row < this.size; row++) if (this.isDamaged(row)) damaged.push(row)
    // How many damaged directories below each are still to be counted.
    const awaited = new Column(this.size)
    for (let row = damaged.pop(); row !== undefined; row = damaged.pop()) {
      for (const above of this.#aboveOf(row)) {
        awaited.set(above, awaited.get(above) + 1)
        if (this.isDamaged(above)) continue
        this.#states.set(above, BELOW)
        damaged.push(above)
      }
    }
    this.#count(awaited)
  }

  #count(awaited: Column): void {
    const ready: number[] = []
    for (let row = 0; row < this.size; row++) {
      if (!this.isDamaged(row)) continue
      const canBeRead = this.reasonOf(row) === undefined
      this.#counts.set(row, canBeRead ? this.#own.get(row) : 1)
      this.#holes.set(row, canBeRead ? 0 : 1)
      if (awaited.get(row) === 0) ready.push(row)
    }
    for (let row = ready.pop(); row !== undefined; row = ready.pop()) {
      for (const above of this.#aboveOf(row)) {
        this.#counts.set(above, Math.min(MOST, this.#counts.get(above) + this.#counts.get(row)))
        if (!this.isWalked(row)) this.#holes.set(above, 1)
        awaited.set(above, awaited.get(above) - 1)
        if (awaited.get(above) === 0) ready.push(above)
      }
    }
  }

  *#aboveOf(row: number): Generator<number> {
    for (let next = this.#last.get(row); next !== 0; next = this.#before.get(next - 1))
      yield this.#above.get(next - 1)
  }
}

/** Ids of engines differ in length and letters; their hashes do not. */
export function keyOf({ content }: SnapshotEntry): Uint8Array {
  return createHash("sha256").update(content.join("\n")).digest()
}
