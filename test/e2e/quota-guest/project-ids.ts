import type { ProjectIds } from "../../../storage/disk/index.js"

/** Numbers in memory. Remembers what was released. */
export class MemoryProjectIds implements ProjectIds {
  readonly #taken = new Map<string, number>()
  readonly released: string[] = []
  #next: number

  constructor(first: number) {
    this.#next = first
  }

  take(path: string): number {
    const known = this.#taken.get(path)
    if (known !== undefined) return known
    this.#taken.set(path, this.#next)
    return this.#next++
  }

  release(path: string): void {
    this.#taken.delete(path)
    this.released.push(path)
  }
}
