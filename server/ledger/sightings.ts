import type { Instant } from "../../storage/instant.js"
import {
  Acknowledgements,
  type GoneReason,
  LedgerIdentities,
  type LedgerIdentity,
  type LedgerSnapshot,
  LedgerSnapshots,
  type StateDatabase,
  translated,
} from "../db/index.js"
import { LedgerError } from "./errors.js"
import { newestGone, reconcile } from "./reconcile.js"
import { digestOf, type Sighted } from "./sighted.js"
import type { WriteHealth } from "./write-health.js"

export interface GoneSnapshot {
  readonly start: Instant
  readonly root: string
  /** When a listing first missed it. Unix milliseconds. */
  readonly goneAt: number
}

export interface Generation {
  readonly place: string
  /** "" without restic's password. */
  readonly repositoryId: string
  /** Identities with any snapshot, and their complete ones, in the order of the listing before. */
  readonly complete: ReadonlyMap<string, Sighted>
  /** Identities of which it shows none any more; undefined: whatever `complete` does not name. */
  readonly absent?: readonly string[] | undefined
  /** Unix milliseconds. */
  readonly at: number
}

interface Memory {
  /** Undefined while no write of it succeeded. */
  row: LedgerIdentity | undefined
  /** Of what the last generation listed; undefined: everything known has to be compared with what is listed next. */
  digest: string | undefined
  newestGone: LedgerSnapshot | undefined
  /** Rows that are not on the disk yet. */
  unsaved: readonly LedgerSnapshot[]
  /** What was listed when they were to be written. */
  waiting: Sighted | undefined
}

/** What has to be written down of one identity, besides the rows that its memory holds until then. */
interface Write {
  readonly identity: string
  readonly memory: Memory
  readonly replaced: readonly LedgerSnapshot[]
  readonly listedDigest: string | undefined
}

/** Identities in one transaction. */
const BATCH = 1_000

/**
 * Every complete snapshot ever seen, by place and identity. The rows are on the disk; in memory is only what tells whether a
 * generation changed anything, so that one that changed nothing costs neither a read nor a write.
 */
export class Sightings {
  readonly #connection
  readonly #identities
  readonly #snapshots
  readonly #acknowledgements
  readonly #health
  readonly #places = new Map<string, Map<string, Memory>>()

  constructor(database: StateDatabase, health: WriteHealth) {
    this.#connection = database.connection
    this.#identities = new LedgerIdentities(database.connection)
    this.#snapshots = new LedgerSnapshots(database.connection)
    this.#acknowledgements = new Acknowledgements(database.connection)
    this.#health = health
    this.reload()
  }

  /**
   * Writes down what a good listing shows before it is used for any answer. When the disk is full it is kept in memory all
   * the same and written with the next generation (`lastWriteError`).
   */
  record(generation: Generation): void {
    const { place, complete } = generation
    const identities = this.#of(place)
    const absent = new Set(generation.absent ?? [...identities.keys()].filter((name) => !complete.has(name)))
    const waiting = [...identities].filter(([, memory]) => isWaiting(memory)).map(([name]) => name)
    const names = [...new Set([...complete.keys(), ...absent, ...waiting])]
    // Identities do not depend on each other. All of a large repository in one transaction would be as large in memory.
    for (let first = 0; first < names.length; first += BATCH)
      this.#recordBatch(names.slice(first, first + BATCH), absent, generation)
  }

  /**
   * The newest complete snapshot known of an identity, when the last recorded generation showed neither it nor a newer one and
   * nobody explained that.
   */
  newestGone(place: string, identity: string): GoneSnapshot | undefined {
    const gone = this.#places.get(place)?.get(identity)?.newestGone
    if (gone?.goneAt === undefined) return undefined
    return { start: gone.start, root: gone.root, goneAt: gone.goneAt }
  }

  /** Identities ever seen at a place, but for those that a person gave up. */
  identities(place: string): string[] {
    return [...(this.#places.get(place) ?? [])].filter(([, memory]) => isOpen(memory)).map(([name]) => name)
  }

  /** Complete snapshots of an identity that the last recorded generation showed, newest first. Reads the database. */
  newestListed(place: string, identity: string, most: number): LedgerSnapshot[] {
    const row = this.#places.get(place)?.get(identity)?.row
    return row === undefined ? [] : this.#snapshots.listed(row.id, most)
  }

  sawIdentity(place: string, identity: string): boolean {
    const memory = this.#places.get(place)?.get(identity)
    return memory !== undefined && isOpen(memory)
  }

  /**
   * Says why this very snapshot is gone: a person acknowledged it, or our own pruning took it. Throws LedgerError `stale` when
   * it is not gone, DatabaseError when that cannot be written; then nothing changed.
   */
  explain(
    gone: {
      readonly place: string
      readonly identity: string
      readonly start: Instant
      readonly root: string
    },
    reason: GoneReason,
    by: string,
    at: number,
  ): void {
    const memory = this.#places.get(gone.place)?.get(gone.identity)
    const rows = memory === undefined ? [] : this.#rows(memory)
    const row = rows.find((other) => other.start === gone.start && other.root === gone.root)
    if (memory?.row === undefined || row?.goneAt === undefined) {
      throw new LedgerError(
        "stale",
        `${gone.identity} in ${gone.place} has no such snapshot that is gone`,
        "Look at what is missing now and acknowledge that.",
      )
    }
    const { id } = memory.row
    const explained = { ...row, goneReason: reason }
    const detail = JSON.stringify({
      identity: gone.identity,
      start: `${gone.start}`,
      root: gone.root,
      reason,
    })
    this.#together(() => {
      this.#snapshots.put(id, explained)
      this.#acknowledgements.add({ kind: "snapshot_gone", place: gone.place, detail, at, by })
    })
    memory.unsaved = memory.unsaved.filter((other) => !sameRow(other, row))
    memory.newestGone = newestGone(rows.map((other) => (other === row ? explained : other)))
  }

  /** A person gives up everything that was ever seen at a place. Throws DatabaseError; then nothing changed. */
  closePlace(place: string, by: string, at: number): void {
    this.#together(() => {
      this.#identities.close(place, at)
      this.#snapshots.closePlace(place, at)
      this.#acknowledgements.add({ kind: "place_given_up", place, detail: "{}", at, by })
    })
    this.#places.delete(place)
    this.reload()
  }

  /** Reads the identities anew: at the start, and after rows were added behind our back. */
  reload(): void {
    for (const row of this.#identities.all()) {
      const memory = this.#of(row.place)
      memory.set(row.identity, { ...(memory.get(row.identity) ?? unknown()), row, digest: row.listedDigest })
    }
  }

  #recordBatch(names: readonly string[], absent: ReadonlySet<string>, generation: Generation): void {
    const { place, repositoryId, complete, at } = generation
    const identities = this.#of(place)
    const writes: Write[] = []
    for (const identity of names) {
      const memory = identities.get(identity) ?? unknown()
      identities.set(identity, memory)
      const shown = complete.get(identity) ?? (absent.has(identity) ? undefined : memory.waiting)
      const digest = digestOf(shown ?? [])
      if (!isNews(memory, digest, repositoryId, shown !== undefined)) continue

      const { changed, replaced, newestGone: gone } = reconcile(this.#rows(memory), [...(shown ?? [])], at)
      const unsaved = merged(memory.unsaved, changed, replaced)
      // What is gone is worked out anew after a start.
      const listedDigest = gone === undefined ? digest : undefined
      const said = describes(memory.row, repositoryId) && memory.row?.listedDigest === listedDigest
      const nothing = unsaved.length === 0 && replaced.length === 0 && (said || shown === undefined)
      Object.assign(memory, { digest, newestGone: gone, unsaved, waiting: nothing ? undefined : shown })
      if (!nothing) writes.push({ identity, memory, replaced, listedDigest })
    }
    if (writes.length === 0) return
    const rows: LedgerIdentity[] = []
    const saved = this.#health.attempt(() => {
      this.#together(() => {
        for (const { identity, memory, replaced, listedDigest } of writes) {
          const row = this.#identities.see({ place, identity, repositoryId, at, listedDigest })
          for (const snapshot of memory.unsaved) this.#snapshots.put(row.id, snapshot)
          for (const snapshot of replaced) this.#snapshots.remove(row.id, snapshot)
          rows.push(row)
        }
      })
    })
    if (!saved) return
    writes.forEach(({ memory }, index) =>
      Object.assign(memory, { row: rows[index], unsaved: [], waiting: undefined }),
    )
  }

  /** All of it or nothing. A full disk shows itself only at the commit. */
  #together(work: () => void): void {
    translated("writing the ledger", () => {
      this.#connection.transaction(work)()
    })
  }

  #of(place: string): Map<string, Memory> {
    let identities = this.#places.get(place)
    if (identities === undefined) this.#places.set(place, (identities = new Map<string, Memory>()))
    return identities
  }

  #rows(memory: Memory): LedgerSnapshot[] {
    const saved = memory.row === undefined ? [] : this.#snapshots.of(memory.row.id)
    return merged(saved, memory.unsaved, [])
  }
}

function unknown(): Memory {
  return { row: undefined, digest: undefined, newestGone: undefined, unsaved: [], waiting: undefined }
}

function isOpen(memory: Memory): boolean {
  return memory.row === undefined || memory.row.closedAt === undefined
}

/** A write of it failed: the disk was full. */
function isWaiting(memory: Memory): boolean {
  return memory.row === undefined || memory.unsaved.length > 0
}

function isNews(memory: Memory, digest: string, repositoryId: string, shown: boolean): boolean {
  if (memory.unsaved.length > 0) return true
  if (shown && !describes(memory.row, repositoryId)) return true
  return memory.digest !== digest
}

/** Whether the row says what a listing that shows the identity has to say of it. */
function describes(row: LedgerIdentity | undefined, repositoryId: string): boolean {
  return row !== undefined && row.closedAt === undefined && row.repositoryId === repositoryId
}

function merged(
  rows: readonly LedgerSnapshot[],
  later: readonly LedgerSnapshot[],
  without: readonly LedgerSnapshot[],
): LedgerSnapshot[] {
  const all = new Map([...rows, ...later].map((row) => [`${row.start}/${row.root}`, row]))
  for (const row of without) all.delete(`${row.start}/${row.root}`)
  return [...all.values()]
}

function sameRow(one: LedgerSnapshot, other: LedgerSnapshot): boolean {
  return one.start === other.start && one.root === other.root
}
