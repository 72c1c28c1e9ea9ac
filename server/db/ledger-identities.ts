import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import { placesOf } from "./places-of.js"

export interface LedgerIdentity {
  readonly id: number
  readonly place: string
  readonly identity: string
  readonly repositoryId: string
  readonly firstSeen: number
  readonly lastChange: number
  /** When a person gave up all that was seen here. */
  readonly closedAt: number | undefined
  /** Of the listing that was recorded last. Undefined: whatever is listed next has to be compared with all that is known. */
  readonly listedDigest: string | undefined
}

interface Row extends Omit<LedgerIdentity, "closedAt" | "listedDigest"> {
  readonly closedAt: number | null
  readonly listedDigest: string | null
}

const columns = `id, place, identity, repository_id AS repositoryId, first_seen AS firstSeen,
  last_change AS lastChange, closed_at AS closedAt, listed_digest AS listedDigest`

/** Every identity ever seen in a place. */
export class LedgerIdentities {
  readonly #all
  readonly #after
  readonly #see
  readonly #close
  readonly #adopt

  constructor(connection: Database.Database) {
    this.#all = connection.prepare<[], Row>(`SELECT ${columns} FROM ledger_identity ORDER BY place, identity`)
    this.#after = connection.prepare<[string, string, string, string, number], Row>(
      `SELECT ${columns} FROM ledger_identity
       WHERE place >= ? AND place < ? AND (place, identity) > (?, ?) ORDER BY place, identity LIMIT ?`,
    )
    this.#see = connection.prepare<[string, string, string, number, number, string | null], Row>(
      `INSERT INTO ledger_identity (place, identity, repository_id, first_seen, last_change, listed_digest)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (place, identity) DO UPDATE
       SET repository_id = excluded.repository_id, last_change = excluded.last_change, closed_at = NULL,
         listed_digest = excluded.listed_digest
       RETURNING ${columns}`,
    )
    this.#close = connection.prepare<[number, string]>(
      "UPDATE ledger_identity SET closed_at = ? WHERE place = ? AND closed_at IS NULL",
    )
    this.#adopt = connection.prepare<[string, string, string, number, number, number | null], Row>(
      `INSERT INTO ledger_identity (place, identity, repository_id, first_seen, last_change, closed_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (place, identity) DO UPDATE
       SET first_seen = min(first_seen, excluded.first_seen), listed_digest = NULL
       RETURNING ${columns}`,
    )
  }

  all(): LedgerIdentity[] {
    return translated("reading the ledger", () => this.#all.all()).map(toDomain)
  }

  /** The next ones of a store, by place and identity; a store's places begin with its key and a colon. */
  inStore(
    store: string,
    after: { readonly place: string; readonly identity: string },
    limit: number,
  ): LedgerIdentity[] {
    const [first, end] = placesOf(store)
    return translated("reading the ledger", () =>
      this.#after.all(first, end, after.place, after.identity, limit),
    ).map(toDomain)
  }

  /** The identity's row, made where it is new, opened again where it was closed. */
  see(seen: {
    readonly place: string
    readonly identity: string
    readonly repositoryId: string
    readonly at: number
    readonly listedDigest: string | undefined
  }): LedgerIdentity {
    const { place, identity, repositoryId, at, listedDigest } = seen
    return translated("writing the ledger", () =>
      returned(this.#see.get(place, identity, repositoryId, at, at, listedDigest ?? null)),
    )
  }

  close(place: string, at: number): void {
    translated("writing the ledger", () => this.#close.run(at, place))
  }

  /** Takes over an identity from another ledger; what is known here already stays. */
  adopt(row: Omit<LedgerIdentity, "id" | "listedDigest">): LedgerIdentity {
    const { place, identity, repositoryId, firstSeen, lastChange, closedAt } = row
    return translated("adopting a ledger", () =>
      returned(this.#adopt.get(place, identity, repositoryId, firstSeen, lastChange, closedAt ?? null)),
    )
  }
}

function toDomain(row: Row): LedgerIdentity {
  return { ...row, closedAt: row.closedAt ?? undefined, listedDigest: row.listedDigest ?? undefined }
}

function returned(row: Row | undefined): LedgerIdentity {
  if (row === undefined) throw new TypeError("SQLite returned no row of an upsert")
  return toDomain(row)
}
