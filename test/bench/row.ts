/** One number, or why there is none. */
export interface Figure {
  readonly who: string
  readonly value: number | undefined
  /** Why there is no value, or what to know about it. */
  readonly note?: string
}

/** One line of the table: what was measured, of us and of the peers in the same run. */
export interface Row {
  readonly what: string
  readonly unit: "ms" | "µs" | "requests/s" | "MB/s" | "MB"
  readonly ours: Figure
  readonly peers: readonly Figure[]
  /** What design.md §9 asks for, as a sentence. */
  readonly budget: string
}

export interface BenchContext {
  /** Small sizes and short runs. */
  readonly quick: boolean
  /** An empty directory that is removed at the end. */
  scratch(name: string): string
  /** Says what is going on, on standard error. */
  say(text: string): void
}

export type Bench = (context: BenchContext) => Promise<readonly Row[]>

/** How many times better than the peer: above 1 we are. Undefined where one of the two was not measured. */
export function ratio(row: Row, peer: Figure): number | undefined {
  if (row.ours.value === undefined || peer.value === undefined) return undefined
  return row.unit.endsWith("/s") ? row.ours.value / peer.value : peer.value / row.ours.value
}
