import type Database from "better-sqlite3"
import type { Instant } from "../../storage/instant.js"
import { translated } from "./errors.js"

/** Why a snapshot that is no longer listed need not worry anybody. */
export type GoneReason = "acknowledged" | "pruned"

export interface LedgerSnapshot {
  readonly start: Instant
  /** "id:…" while only the engine's id is known. */
  readonly root: string
  readonly engineId: string
  /** Unix milliseconds. */
  readonly firstSeen: number
  /** Undefined while it is listed. */
  readonly goneAt: number | undefined
  /** Undefined: nobody explained it. */
  readonly goneReason: GoneReason | undefined
}

interface Row {
  readonly start: bigint
  readonly root: string
  readonly engineId: string
  readonly firstSeen: bigint
  readonly goneAt: bigint | null
  readonly goneReason: GoneReason | null
}

/** Every complete snapshot ever seen of an identity. */
export class LedgerSnapshots {
  readonly #of
  readonly #inFront
  readonly #listed
  readonly #put
  readonly #adopt
  readonly #remove
  readonly #closePlace

  constructor(connection: Database.Database) {
    this.#of = connection
      .prepare<[number], Row>(
        `SELECT start_ns AS start, root, engine_id AS engineId, first_seen AS firstSeen, gone_at AS goneAt,
                gone_reason AS goneReason
         FROM ledger_snapshot WHERE identity_id = ? ORDER BY start_ns, root`,
      )
      .safeIntegers()
    this.#inFront = connection
      .prepare<[number, number, number], Row>(
        `SELECT start_ns AS start, root, engine_id AS engineId, first_seen AS firstSeen, gone_at AS goneAt,
                gone_reason AS goneReason
         FROM ledger_snapshot
         WHERE identity_id = ? AND gone_reason IS NULL AND start_ns >= coalesce(
           (SELECT max(start_ns) FROM ledger_snapshot WHERE identity_id = ? AND gone_at IS NULL),
           -9223372036854775808)
         ORDER BY start_ns DESC, root LIMIT ?`,
      )
      .safeIntegers()
    this.#listed = connection
      .prepare<[number, number], Row>(
        `SELECT start_ns AS start, root, engine_id AS engineId, first_seen AS firstSeen, gone_at AS goneAt,
                gone_reason AS goneReason
         FROM ledger_snapshot WHERE identity_id = ? AND gone_at IS NULL ORDER BY start_ns DESC, root LIMIT ?`,
      )
      .safeIntegers()
    const insert = "INSERT INTO ledger_snapshot VALUES (?, ?, ?, ?, ?, ?, ?)"
    this.#put = connection.prepare<Values>(
      `${insert} ON CONFLICT (identity_id, start_ns, root) DO UPDATE
       SET engine_id = excluded.engine_id, gone_at = excluded.gone_at, gone_reason = excluded.gone_reason`,
    )
    this.#adopt = connection.prepare<Values>(`${insert} ON CONFLICT DO NOTHING`)
    this.#remove = connection.prepare<[number, bigint, string]>(
      "DELETE FROM ledger_snapshot WHERE identity_id = ? AND start_ns = ? AND root = ?",
    )
    this.#closePlace = connection.prepare<[number, string]>(
      `UPDATE ledger_snapshot SET gone_at = coalesce(gone_at, ?), gone_reason = 'acknowledged'
       WHERE gone_reason IS NULL AND identity_id IN (SELECT id FROM ledger_identity WHERE place = ?)`,
    )
  }

  /** By start, oldest first. */
  of(identityId: number): LedgerSnapshot[] {
    return translated("reading the ledger", () => this.#of.all(identityId)).map(toDomain)
  }

  /** Those that are there; newest first. */
  listed(identityId: number, limit: number): LedgerSnapshot[] {
    return translated("reading the ledger", () => this.#listed.all(identityId, limit)).map(toDomain)
  }

  /** The newest one that is there, and those after it that are gone without an explanation; newest first. */
  inFront(identityId: number, limit: number): LedgerSnapshot[] {
    return translated("reading the ledger", () => this.#inFront.all(identityId, identityId, limit)).map(
      toDomain,
    )
  }

  /** Adds it, or says anew whether it is gone. When it was seen first stays. */
  put(identityId: number, snapshot: LedgerSnapshot): void {
    translated("writing the ledger", () => this.#put.run(...values(identityId, snapshot)))
  }

  /** For a row that another one of the same snapshot stands for. */
  remove(identityId: number, { start, root }: LedgerSnapshot): void {
    translated("writing the ledger", () => this.#remove.run(identityId, start, root))
  }

  /** Adds it unless it is known here. */
  adopt(identityId: number, snapshot: LedgerSnapshot): boolean {
    return translated("adopting a ledger", () => this.#adopt.run(...values(identityId, snapshot)).changes > 0)
  }

  /** A person gives up all that was ever seen in a place. */
  closePlace(place: string, at: number): void {
    translated("writing the ledger", () => this.#closePlace.run(at, place))
  }
}

function toDomain(row: Row): LedgerSnapshot {
  return {
    start: row.start,
    root: row.root,
    engineId: row.engineId,
    firstSeen: Number(row.firstSeen),
    goneAt: row.goneAt === null ? undefined : Number(row.goneAt),
    goneReason: row.goneReason ?? undefined,
  }
}

type Values = [number, bigint, string, string, number, number | null, string | null]

function values(identityId: number, snapshot: LedgerSnapshot): Values {
  return [
    identityId,
    snapshot.start,
    snapshot.root,
    snapshot.engineId,
    snapshot.firstSeen,
    snapshot.goneAt ?? null,
    snapshot.goneReason ?? null,
  ]
}
