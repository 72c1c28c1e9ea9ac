import type { Clock } from "../../catalog/index.js"
import type { WideExport } from "../../config/index.js"
import type { Acknowledgements } from "../../db/index.js"

const AGREED = "everybody_writes"
const ENDED = "everybody_writes_ended"

/** The exports of which somebody said that everybody may write: each exactly as it was then. */
export class AgreedExports {
  readonly #acknowledgements: Acknowledgements
  readonly #clock: Clock

  constructor(acknowledgements: Acknowledgements, clock: Clock) {
    this.#acknowledgements = acknowledgements
    this.#clock = clock
  }

  has({ name, detail }: WideExport): boolean {
    const last = this.#acknowledgements
      .of(placeOf(name))
      .findLast(({ kind }) => kind === AGREED || kind === ENDED)
    return last?.kind === AGREED && last.detail === detail
  }

  agree(all: readonly WideExport[], by: string): void {
    for (const one of all) if (!this.has(one)) this.#add(AGREED, one, by)
  }

  /** What is not declared any more, or otherwise, is asked for again when it comes back. */
  settle(before: readonly WideExport[], after: readonly WideExport[], by: string): void {
    const kept = new Set(after.map(({ id }) => id))
    for (const one of before) if (!kept.has(one.id) && this.has(one)) this.#add(ENDED, one, by)
  }

  #add(kind: string, { name, detail }: WideExport, by: string): void {
    const at = this.#clock.now().wall
    this.#acknowledgements.add({ kind, place: placeOf(name), detail, at, by })
  }
}

function placeOf(name: string): string {
  return `export ${name}`
}
