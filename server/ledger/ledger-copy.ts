import { setImmediate as nextTurn } from "node:timers/promises"
import { lastingMarks } from "../../storage/index.js"
import {
  LedgerIdentities,
  type LedgerSnapshot,
  LedgerSnapshots,
  Marks,
  Pins,
  type StateDatabase,
  translated,
} from "../db/index.js"
import type { CopyRecord, LedgerCopy } from "./copy-format.js"

// A copy holds what a decision may rest on and no more: it is written daily to disks that would like to sleep, and a ledger of
// 200,000 snapshots would be forty megabytes. Of an identity these are the newest snapshot that is there, and those after it
// that are gone. If the newest one is missing after a rebuild and nothing newer is there, the answer is `unknown`, as it would
// be with the whole ledger.
//
// A copy may only make answers more careful, whoever wrote it. Therefore what is known here stays as it is; an explanation
// ("acknowledged", "pruned") is no part of it; and neither are the ids that engines give to snapshots, by which a record could
// pass for a snapshot that is really there, and hide that another one is gone.

/** Identities or records between two turns of the event loop. */
const BATCH = 200
const MOST_SNAPSHOTS = 100
const MARKS_IN_A_RECORD = 1_000

export interface Adopted {
  readonly writtenAt: string
  /** Repositories that were not pinned here. */
  readonly pins: number
  /** Snapshots that were not known here. */
  readonly snapshots: number
  /** Places that are pinned here to another repository than in the copy. Ours stays. */
  readonly conflicts: readonly string[]
}

/** What is known of the places of one store, in pieces between which other work may run. */
export async function* recordsOf(database: StateDatabase, store: string): AsyncGenerator<CopyRecord> {
  const { connection } = database
  const pathOf = (place: string): string => place.slice(store.length + 1)
  for (const { place, engine, repositoryId, fingerprint, pinnedAt } of new Pins(connection).inStore(store)) {
    yield { is: "pin", path: pathOf(place), engine, repositoryId, fingerprint, pinnedAt }
  }
  const marks = new Marks(connection)
  for (const place of marks.placesIn(store)) {
    const names = lastingMarks(marks.get(place) ?? []) ?? []
    for (let from = 0; from < names.length; from += MARKS_IN_A_RECORD)
      yield { is: "marks", path: pathOf(place), names: names.slice(from, from + MARKS_IN_A_RECORD) }
  }
  const identities = new LedgerIdentities(connection)
  const snapshots = new LedgerSnapshots(connection)
  let after = { place: "", identity: "" }
  for (;;) {
    await nextTurn()
    const batch = identities.inStore(store, after, BATCH)
    const last = batch.at(-1)
    if (last === undefined) return
    after = last
    for (const { id, place, identity, repositoryId, firstSeen, lastChange, closedAt } of batch) {
      if (closedAt !== undefined) continue
      const rows = snapshots.inFront(id, MOST_SNAPSHOTS).map(toRow)
      yield {
        is: "identity",
        path: pathOf(place),
        identity,
        repositoryId,
        firstSeen,
        lastChange,
        snapshots: rows,
      }
    }
  }
}

/**
 * Adds what a copy knows to the state. What is known here already stays as it is. Stopped half-way, a part is adopted, and
 * adopting again adds the rest. Throws DatabaseError.
 */
export async function adoptRecords(database: StateDatabase, copy: LedgerCopy): Promise<Adopted> {
  const adoption = new Adoption(database, copy.store)
  for (let from = 0; from < copy.records.length; from += BATCH) {
    const batch = copy.records.slice(from, from + BATCH)
    translated("adopting a ledger", () => {
      database.connection.transaction(() => {
        for (const record of batch) adoption.add(record)
      })()
    })
    await nextTurn()
  }
  adoption.addMarks()
  return { writtenAt: copy.writtenAt, ...adoption.counts() }
}

class Adoption {
  readonly #store
  readonly #pins
  readonly #marks
  readonly #identities
  readonly #snapshots
  readonly #pinned
  readonly #marksOf = new Map<string, string[]>()
  readonly #conflicts = new Set<string>()
  #newPins = 0
  #newSnapshots = 0

  constructor({ connection }: StateDatabase, store: string) {
    this.#store = store
    this.#pins = new Pins(connection)
    this.#marks = new Marks(connection)
    this.#identities = new LedgerIdentities(connection)
    this.#snapshots = new LedgerSnapshots(connection)
    this.#pinned = new Map(this.#pins.inStore(store).map((pin) => [pin.place, pin]))
  }

  add(record: CopyRecord): void {
    const place = `${this.#store}:${record.path}`
    switch (record.is) {
      case "pin":
        this.#addPin(place, record)
        return
      case "marks":
        this.#marksOf.set(place, [...(this.#marksOf.get(place) ?? []), ...record.names])
        return
      case "identity": {
        const { identity, repositoryId, firstSeen, lastChange, snapshots } = record
        const row = { place, identity, repositoryId, firstSeen, lastChange, closedAt: undefined }
        const { id } = this.#identities.adopt(row)
        for (const one of snapshots) if (this.#snapshots.adopt(id, toSnapshot(one))) this.#newSnapshots++
      }
    }
  }

  /** After all records: they are kept by place. */
  addMarks(): void {
    for (const [place, names] of this.#marksOf) {
      const lasting = lastingMarks(names)
      if (lasting !== undefined && this.#marks.get(place) === undefined)
        this.#marks.put(place, lasting, Date.now())
    }
  }

  counts(): Omit<Adopted, "writtenAt"> {
    return { pins: this.#newPins, snapshots: this.#newSnapshots, conflicts: [...this.#conflicts] }
  }

  #addPin(place: string, record: Extract<CopyRecord, { is: "pin" }>): void {
    const { engine, repositoryId, fingerprint, pinnedAt } = record
    const ours = this.#pinned.get(place)
    if (ours !== undefined) {
      if (ours.repositoryId !== repositoryId) this.#conflicts.add(place)
      return
    }
    const pin = { place, engine, repositoryId, fingerprint, pinnedAt }
    this.#pins.put(pin)
    this.#pinned.set(place, pin)
    this.#newPins++
  }
}

type Row = Extract<CopyRecord, { is: "identity" }>["snapshots"][number]

function toRow({ start, root, firstSeen, goneAt }: LedgerSnapshot): Row {
  return [start.toString(), root, firstSeen, goneAt ?? null]
}

const NAME = "id:"

function toSnapshot([start, root, firstSeen, goneAt]: Row): LedgerSnapshot {
  return {
    start: BigInt(start),
    root,
    engineId: root.startsWith(NAME) ? root.slice(NAME.length) : "",
    firstSeen,
    goneAt: goneAt ?? undefined,
    goneReason: undefined,
  }
}
