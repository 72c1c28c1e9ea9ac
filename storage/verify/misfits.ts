import type { SnapshotEntry } from "../contents.js"

/** More are not told apart: then all files are looked at as if they were among them, which only a repository made by hand brings about. */
const MOST = 100_000

/** Entries that contradict what they consist of, though all of that is whole. */
export class Misfits {
  readonly #known = new Set<string>()
  #isFull = false

  get size(): number {
    return this.#known.size
  }

  add(entry: SnapshotEntry): void {
    if (this.#known.size < MOST) this.#known.add(keyOf(entry))
    else this.#isFull = true
  }

  has(entry: SnapshotEntry): boolean {
    return this.#isFull || this.#known.has(keyOf(entry))
  }

  keys(): Iterable<string> {
    return this.#known
  }
}

function keyOf({ kind, size, content }: SnapshotEntry): string {
  return `${kind} ${size} ${content.join(" ")}`
}
