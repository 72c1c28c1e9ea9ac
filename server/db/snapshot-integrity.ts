import type Database from "better-sqlite3"
import type { Instant } from "../../storage/instant.js"
import { translated } from "./errors.js"

export type IntegrityLevel = "listed" | "reachable" | "read" | "restored"

/** One row. Times are Unix milliseconds, but for `start`. */
export interface StoredIntegrity {
  readonly place: string
  readonly start: Instant
  readonly root: string
  readonly identity: string
  readonly engineId: string
  /** When that was proven last; undefined: never. */
  readonly proven: Readonly<Record<IntegrityLevel, number | undefined>>
  readonly damage: StoredDamage | undefined
}

export interface StoredDamage {
  readonly level: IntegrityLevel
  readonly at: number
  /** Stable codes. */
  readonly reasons: readonly string[]
  /** How many damaged files and folders. */
  readonly paths: number
  /** Some of them. */
  readonly sample: readonly string[]
  readonly run: string
}

interface Row {
  readonly place: string
  readonly start: bigint
  readonly root: string
  readonly identity: string
  readonly engineId: string
  readonly listedAt: bigint | null
  readonly reachableAt: bigint | null
  readonly readAt: bigint | null
  readonly restoredAt: bigint | null
  readonly damageLevel: IntegrityLevel | null
  readonly damagedAt: bigint | null
  readonly reasons: string | null
  readonly paths: bigint | null
  readonly sample: string | null
  readonly run: string | null
}

export interface KeptKey {
  readonly start: Instant
  readonly root: string
  readonly engineId: string
}

/** Unix milliseconds. */
export interface NewestProof {
  readonly verified: number | undefined
  readonly drilled: number | undefined
}

const columns = `place, start_ns AS start, root, identity, engine_id AS engineId, listed_at AS listedAt, reachable_at AS reachableAt,
  read_at AS readAt, restored_at AS restoredAt, damage_level AS damageLevel, damaged_at AS damagedAt, reasons, paths, sample, run`

/** What reading proved of snapshots, and what it found damaged. */
export class SnapshotIntegrityTable {
  readonly #connection
  readonly #get
  readonly #damaged
  readonly #of
  readonly #inPlace
  readonly #put
  readonly #remove
  readonly #removePlace
  readonly #keys
  readonly #newestProof

  constructor(connection: Database.Database) {
    this.#connection = connection
    const select = `SELECT ${columns} FROM snapshot_integrity`
    this.#get = connection
      .prepare<[string, bigint, string], Row>(`${select} WHERE place = ? AND start_ns = ? AND root = ?`)
      .safeIntegers()
    this.#damaged = connection.prepare<[], Row>(`${select} WHERE damage_level IS NOT NULL`).safeIntegers()
    this.#of = connection
      .prepare<[string, string, number], Row>(
        `${select} WHERE place = ? AND identity = ? ORDER BY start_ns DESC LIMIT ?`,
      )
      .safeIntegers()
    this.#inPlace = connection
      .prepare<[string, bigint, number], Row>(
        `${select} WHERE place = ? AND start_ns < ? ORDER BY start_ns DESC LIMIT ?`,
      )
      .safeIntegers()
    this.#put = connection.prepare<Row>(
      `INSERT OR REPLACE INTO snapshot_integrity VALUES (@place, @start, @root, @identity, @engineId, @listedAt, @reachableAt, @readAt,
         @restoredAt, @damageLevel, @damagedAt, @reasons, @paths, @sample, @run)`,
    )
    this.#remove = connection.prepare<[string, bigint, string]>(
      "DELETE FROM snapshot_integrity WHERE place = ? AND start_ns = ? AND root = ?",
    )
    this.#removePlace = connection.prepare<[string]>("DELETE FROM snapshot_integrity WHERE place = ?")
    this.#keys = connection
      .prepare<[string, bigint, string, number], KeptKey>(
        `SELECT start_ns AS start, root, engine_id AS engineId FROM snapshot_integrity
         WHERE place = ? AND (start_ns, root) > (?, ?) ORDER BY start_ns, root LIMIT ?`,
      )
      .safeIntegers()
    this.#newestProof = connection.prepare<[string, string], NewestProof>(
      `SELECT max(max(coalesce(reachable_at, 0), coalesce(read_at, 0), coalesce(restored_at, 0))) AS verified,
         max(coalesce(restored_at, 0)) AS drilled
       FROM snapshot_integrity WHERE place = ? AND identity = ? AND damage_level IS NULL`,
    )
  }

  /** All of it or nothing. Throws DatabaseError. */
  together<T>(work: () => T): T {
    return translated("writing what was verified", () => this.#connection.transaction(work)())
  }

  get(place: string, start: Instant, root: string): StoredIntegrity | undefined {
    const row = translated("reading what was verified", () => this.#get.get(place, start, root))
    return row && toDomain(row)
  }

  damaged(): StoredIntegrity[] {
    return translated("reading what was verified", () => this.#damaged.all()).map(toDomain)
  }

  /** Of one identity, newest first. */
  of(place: string, identity: string, most: number): StoredIntegrity[] {
    return translated("reading what was verified", () => this.#of.all(place, identity, most)).map(toDomain)
  }

  /** Of all in a place that began before an instant, newest first. */
  inPlace(place: string, before: Instant, most: number): StoredIntegrity[] {
    return translated("reading what was verified", () => this.#inPlace.all(place, before, most)).map(toDomain)
  }

  /** In their own order, those behind `after`. */
  keys(place: string, after: Pick<KeptKey, "start" | "root"> | undefined, most: number): KeptKey[] {
    const { start, root } = after ?? { start: -(2n ** 63n), root: "" }
    return translated("reading what was verified", () => this.#keys.all(place, start, root, most))
  }

  /** When any snapshot of an identity was proven last, by more than a listing; undefined: never. Damaged ones do not count. */
  newestProof(place: string, identity: string): NewestProof {
    const row = translated("reading what was verified", () => this.#newestProof.get(place, identity))
    return { verified: row?.verified || undefined, drilled: row?.drilled || undefined }
  }

  put({ proven, damage, ...row }: StoredIntegrity): void {
    this.#put.run({
      ...row,
      listedAt: big(proven.listed),
      reachableAt: big(proven.reachable),
      readAt: big(proven.read),
      restoredAt: big(proven.restored),
      damageLevel: damage?.level ?? null,
      damagedAt: big(damage?.at),
      reasons: damage === undefined ? null : JSON.stringify(damage.reasons),
      paths: big(damage?.paths),
      sample: damage === undefined ? null : JSON.stringify(damage.sample),
      run: damage?.run ?? null,
    })
  }

  remove(place: string, start: Instant, root: string): void {
    this.#remove.run(place, start, root)
  }

  removePlace(place: string): void {
    translated("forgetting what was verified", () => this.#removePlace.run(place))
  }
}

function big(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(Math.round(value))
}

function small(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value)
}

function toDomain(row: Row): StoredIntegrity {
  const { place, start, root, identity, engineId, damageLevel } = row
  return {
    place,
    start,
    root,
    identity,
    engineId,
    proven: {
      listed: small(row.listedAt),
      reachable: small(row.reachableAt),
      read: small(row.readAt),
      restored: small(row.restoredAt),
    },
    damage:
      damageLevel === null
        ? undefined
        : {
            level: damageLevel,
            at: small(row.damagedAt) ?? 0,
            reasons: JSON.parse(row.reasons ?? "[]") as string[],
            paths: small(row.paths) ?? 0,
            sample: JSON.parse(row.sample ?? "[]") as string[],
            run: row.run ?? "",
          },
  }
}
