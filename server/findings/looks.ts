import type { FindingLook, FindingNotes } from "../db/index.js"
import type { Looked } from "./finding.js"

/** When a scope was looked at, as far as it is known. */
export interface Look extends Looked {
  /** Unix milliseconds; undefined: never. */
  readonly at: number | undefined
  readonly looks: number
  /** Since then it could not be looked at. */
  readonly unknown: { readonly since: number; readonly why: string } | undefined
}

interface Held {
  look: Look
  /** Of what was found, where the next look may find the same and then nothing has to be done. */
  digest: string | undefined
  saved: boolean
}

/** When was looked at what. In memory, and on the disk with whatever else is written. */
export class Looks {
  readonly #notes: FindingNotes
  readonly #held = new Map<string, Held>()

  constructor(notes: FindingNotes) {
    this.#notes = notes
    for (const row of notes.looks())
      this.#held.set(nameOf(row), { look: domainOf(row), digest: undefined, saved: true })
  }

  of(looked: Looked): Look {
    return (
      this.#held.get(nameOf(looked))?.look ?? {
        ...pick(looked),
        at: undefined,
        looks: 0,
        unknown: undefined,
      }
    )
  }

  all(): Look[] {
    return [...this.#held.values()].map(({ look }) => look)
  }

  /** Whether the last look found exactly this, so that nothing changes. */
  foundSame(looked: Looked, digest: string): boolean {
    return this.#held.get(nameOf(looked))?.digest === digest
  }

  /** `digest` undefined: the next look is compared with what is known, whatever it finds. */
  note(look: Look, digest: string | undefined): void {
    this.#held.set(nameOf(look), { look, digest, saved: false })
  }

  forget(looked: Looked): void {
    this.#held.delete(nameOf(looked))
    this.#notes.dropLook(looked.source, looked.scope)
  }

  /** What was found there has to be compared anew. */
  doubt(looked: Looked): void {
    const held = this.#held.get(nameOf(looked))
    if (held !== undefined) held.digest = undefined
  }

  /** Writes down those that are not. Throws DatabaseError. */
  save(): void {
    for (const held of this.#held.values()) {
      if (held.saved) continue
      this.#notes.putLook(rowOf(held.look))
      held.saved = true
    }
  }

  /** Writes down this one, as a part of something that may fail as a whole. */
  put(look: Look): void {
    this.#notes.putLook(rowOf(look))
  }
}

function pick({ source, scope }: Looked): Looked {
  return { source, scope }
}

function nameOf({ source, scope }: Looked): string {
  return `${source}\0${scope}`
}

function domainOf({ source, scope, lookedAt, looks, unknownSince, unknownWhy }: FindingLook): Look {
  return {
    source,
    scope,
    at: lookedAt ?? undefined,
    looks,
    unknown: unknownSince === null ? undefined : { since: unknownSince, why: unknownWhy ?? "" },
  }
}

function rowOf({ source, scope, at, looks, unknown }: Look): FindingLook {
  return {
    source,
    scope,
    lookedAt: at ?? null,
    looks,
    unknownSince: unknown?.since ?? null,
    unknownWhy: unknown?.why ?? null,
  }
}
