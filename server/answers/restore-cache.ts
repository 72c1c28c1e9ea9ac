import { ageOf, type Moment, type PlaceView } from "../catalog/index.js"
import { type Decision, RESTORE_LISTING_MAX_AGE_MS } from "../decision/index.js"
import type { Fleet } from "./fleet.js"

/** What a remembered `restore` rests on. Views and fleets are values: the same object means that nothing changed. */
export interface Grounds {
  readonly fleet: Fleet
  /** Of the restore repository; guards have no part in a `restore`. */
  readonly view: PlaceView
  /** Counts the volumes that ever became known: one more may share an identity. */
  readonly knownVersion: number
  /** Counts what was found damaged, and what is so no more. */
  readonly damageVersion: number
}

interface Entry extends Grounds {
  readonly place: string
  readonly decision: Decision
}

/** Beyond this many volumes the oldest is forgotten; it is decided anew when it is asked for. */
const MOST_ENTRIES = 50_000

/**
 * Decisions for `restore` that stay true while their grounds do. Nothing else is remembered: `fresh` and `unknown` are looked
 * at anew each time.
 */
export class RestoreCache {
  readonly #entries = new Map<string, Entry>()

  /** The decision remembered under `key`, while everything that it rests on is as it was and its listing is recent enough. */
  recall(
    key: string,
    { fleet, knownVersion, damageVersion }: Omit<Grounds, "view">,
    view: (place: string) => PlaceView | undefined,
    now: Moment,
  ): Decision | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const { generation, trouble } = entry.view
    const holds =
      entry.fleet === fleet &&
      entry.knownVersion === knownVersion &&
      entry.damageVersion === damageVersion &&
      view(entry.place) === entry.view &&
      generation !== undefined &&
      trouble === undefined &&
      ageOf(generation.begun, now) <= RESTORE_LISTING_MAX_AGE_MS
    if (holds) return entry.decision
    this.#entries.delete(key)
    return undefined
  }

  remember(key: string, grounds: Grounds, decision: Decision): void {
    if (decision.decision !== "restore") return
    const [oldest] = this.#entries.size >= MOST_ENTRIES ? this.#entries.keys() : []
    if (oldest !== undefined) this.#entries.delete(oldest)
    this.#entries.set(key, { ...grounds, place: grounds.view.spec.place, decision })
  }
}
