import type { FenceRecord } from "../../storage/disk/index.js"
import { unpackSightings } from "../ledger/sighted.js"
import { type Clock, type Moment } from "./clock.js"
import type { Fenced, ListingHeader, ListReply, PlaceSpec } from "./messages.js"
import type { ErrorJson } from "./rpc.js"
import { spareMemoryAfter } from "./spare-memory.js"
import type { IdentitySummary, SummaryChange } from "./summary.js"

/** What the newest accepted listing of a place said. */
export interface Generation {
  readonly number: number
  readonly begun: Moment
  readonly finished: Moment
  readonly header: ListingHeader
  /** By identity. */
  readonly identities: ReadonlyMap<string, IdentitySummary>
}

/** Why the newest try gave no generation. */
export type Trouble =
  | {
      readonly kind: "failed"
      readonly begun: Moment
      readonly since: Moment
      readonly error: ErrorJson
      readonly empty: boolean
    }
  | { readonly kind: "fenced"; readonly begun: Moment; readonly since: Moment; readonly state: Fenced }

/** What is known of one repository directory at this moment. A value: it never changes after it was read. */
export interface PlaceView {
  readonly spec: PlaceSpec
  readonly generation: Generation | undefined
  readonly trouble: Trouble | undefined
  readonly watched: boolean
}

/** What a listing showed, for those who remember it. */
export interface Witnessed {
  readonly spec: PlaceSpec
  readonly header: ListingHeader
  readonly changes: readonly SummaryChange[]
  /** Identities that show no snapshot any more, as they were last. */
  readonly removed: readonly IdentitySummary[]
  /** `changes` is everything there is, not only what is different from the listing before. */
  readonly full: boolean
  /** The filesystem under the directory, where no fence was known. */
  readonly fence: FenceRecord | undefined
}

/**
 * Hears of each listing before anybody may decide by it. False: it did not write this one down (another repository lies
 * there), so that the next one has to be told from nothing.
 */
export type Witness = (seen: Witnessed) => boolean

/**
 * Why a place is listed. `asked`: somebody waits for the answer. `due`: it is time again. Both look at everything. `changed`:
 * only what file events told of has to be looked at.
 */
export type ListingReason = "asked" | "due" | "changed"

/** A listing from its order on. Until it begins it can become one that more is asked of. */
export class ListingOrder {
  #reason: ListingReason
  #begun = false

  constructor(reason: ListingReason) {
    this.#reason = reason
  }

  get reason(): ListingReason {
    return this.#reason
  }

  get urgent(): boolean {
    return this.#reason === "asked"
  }

  /** From now on nobody can join it: whoever asks now wants a listing that begins later. */
  begin(): ListingReason {
    this.#begun = true
    return this.#reason
  }

  /** False: it has begun. */
  join(reason: ListingReason): boolean {
    if (!this.#begun) this.#reason = stronger(this.#reason, reason)
    return !this.#begun
  }
}

export interface PlaceParts {
  readonly clock: Clock
  /** Calls `begin` of the order when its turn comes. */
  readonly list: (place: Place, order: ListingOrder) => Promise<ListReply>
  readonly witness: Witness
}

/** One repository directory: the state of its listings, and that at most one runs and one waits. */
export class Place {
  readonly #parts: PlaceParts
  #view: PlaceView
  #basis: string | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #order: ListingOrder | undefined
  /** What those who wait for #next want. */
  #nextReason: ListingReason = "changed"

  constructor(spec: PlaceSpec, parts: PlaceParts) {
    this.#parts = parts
    this.#view = { spec, generation: undefined, trouble: undefined, watched: false }
  }

  get view(): PlaceView {
    return this.#view
  }

  /** The listing that the generation rests on, as the reading thread calls it. */
  get basis(): string | undefined {
    return this.#basis
  }

  /** True when a listing runs or waits. */
  get busy(): boolean {
    return this.#running !== undefined
  }

  /** The same place under a changed declaration (another password, another fence). */
  redeclare(spec: PlaceSpec): void {
    this.#view = { ...this.#view, spec }
  }

  /**
   * A listing that begins after this call. Callers that come while one waits for its turn share it; while one runs they share
   * the next one, because the running one began before they asked.
   */
  list(reason: ListingReason): Promise<void> {
    if (this.#running === undefined) return this.#start(reason)
    if (this.#order?.join(reason) === true) return this.#running
    this.#nextReason = stronger(this.#nextReason, reason)
    this.#next ??= this.#running.then(() => {
      const next = this.#nextReason
      this.#next = undefined
      this.#nextReason = "changed"
      return this.#start(next)
    })
    return this.#next
  }

  #start(reason: ListingReason): Promise<void> {
    const order = new ListingOrder(reason)
    this.#order = order
    const running = this.#run(order).finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #run(order: ListingOrder): Promise<void> {
    const asked = this.#parts.clock.now()
    try {
      this.#take(await this.#parts.list(this, order))
    } catch (error) {
      // The thread died or is gone: nothing was read.
      const message = error instanceof Error ? error.message : String(error)
      this.#fail({
        kind: "failed",
        begun: asked,
        since: asked,
        empty: false,
        error: { code: "io", message, hint: undefined, facts: {} },
      })
    }
  }

  #take(reply: ListReply): void {
    switch (reply.kind) {
      case "listed": {
        const { header, delta, reading, full, begun, finished, fence } = reply
        const known = this.#view.generation?.identities ?? new Map<string, IdentitySummary>()
        const removed = delta.removed.flatMap((group) => known.get(group) ?? [])
        const witnessed = this.#parts.witness({
          spec: this.#view.spec,
          header,
          changes: delta.changed.map(({ summary, sightings }) => ({
            summary,
            sightings: unpackSightings(sightings),
          })),
          removed,
          full,
          fence,
        })
        const identities = new Map(full ? [] : known)
        for (const group of delta.removed) identities.delete(group)
        for (const { summary } of delta.changed) identities.set(summary.identity, summary)
        const number = (this.#view.generation?.number ?? 0) + 1
        const generation = { number, begun, finished, header, identities }
        const spec = witnessed && fence !== undefined ? fenced(this.#view.spec, fence) : this.#view.spec
        this.#view = { spec, generation, trouble: undefined, watched: reply.watched }
        // Last: a listing that its witness refused is no basis, and the next one starts from nothing.
        this.#basis = witnessed ? reading : undefined
        if (full) spareMemoryAfter(header.snapshotCount)
        return
      }
      case "failed":
        this.#fail({
          kind: "failed",
          begun: reply.begun,
          since: reply.begun,
          error: reply.error,
          empty: reply.empty,
        })
        return
      case "fenced":
        this.#fail({ kind: "fenced", begun: reply.begun, since: reply.begun, state: reply.state })
        return
    }
  }

  #fail(trouble: Trouble): void {
    const since = this.#view.trouble?.kind === trouble.kind ? this.#view.trouble.since : trouble.since
    this.#view = { ...this.#view, trouble: { ...trouble, since } }
  }
}

function stronger(one: ListingReason, other: ListingReason): ListingReason {
  const [strongest] = (["asked", "due"] as const).filter((reason) => reason === one || reason === other)
  return strongest ?? "changed"
}

/** From its first listing on, the filesystem under the directory is one that has to stay. */
function fenced(spec: PlaceSpec, record: FenceRecord): PlaceSpec {
  if (spec.fences.some(({ path }) => path === spec.directory)) return spec
  return { ...spec, fences: [...spec.fences, { path: spec.directory, record, store: spec.fences[0]?.store }] }
}
