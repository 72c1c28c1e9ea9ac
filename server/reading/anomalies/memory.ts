import { noMemory, type SourceMemory } from "../../anomalies/index.js"
import type { AnomalyMemoryTable } from "../../db/index.js"

/** What is remembered of the sources of one place. */
export class PlaceMemory {
  readonly #table: AnomalyMemoryTable
  readonly #place: string

  constructor(table: AnomalyMemoryTable, place: string) {
    this.#table = table
    this.#place = place
  }

  /** Throws DatabaseError. */
  of(source: string): SourceMemory {
    const text = this.#table.get(this.#place, source)
    return text === undefined ? noMemory : (JSON.parse(text) as SourceMemory)
  }

  /** Throws DatabaseError. */
  keep(source: string, memory: SourceMemory): void {
    this.#table.put(this.#place, source, JSON.stringify(memory))
  }

  /** Throws DatabaseError. */
  keepOnly(sources: ReadonlySet<string>): void {
    this.#table.keepOnly(this.#place, sources)
  }
}
