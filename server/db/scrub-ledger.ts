import { crc32 } from "node:zlib"
import type Database from "better-sqlite3"
import type { BlobRecord, ScrubLedger } from "../../storage/scrub/index.js"
import { ledgerErrors } from "./scrub-ledger-file.js"

/** A blob that went may come back, as when a file is mended: so long it is known what it has to be. */
const FORGET_GONE_MS = 90 * 86_400_000
/** So many paths are taken at once. */
const PAGE = 10_000

interface Row {
  readonly sha256: Buffer
  readonly length: number
  readonly modified: string
  readonly firstSeen: number
  readonly checked: number
  readonly checksum: number
}

/** What scrubs remember of one place, in a database. Every method throws StorageError as `ledgerErrors` does. */
export class PlaceLedger implements ScrubLedger {
  /** Paths whose rows are not as they were written: what they said is not known any more. */
  readonly damagedRows = new Set<string>()
  /** Paths that were listed at the end of the last scrub; undefined: there were gaps. */
  there: ReadonlySet<string> | undefined
  readonly #connection
  readonly #id: number
  readonly #now
  readonly #get
  readonly #put
  readonly #page

  /** `now` in milliseconds. */
  constructor(connection: Database.Database, place: string, now: () => number = Date.now) {
    this.#connection = connection
    this.#now = now
    this.#id = ledgerErrors("the ledger of scrubs", () => placeId(connection, place))
    this.#get = connection.prepare<[number, string], Row>(
      "SELECT sha256, length, modified, first_seen AS firstSeen, checked, checksum FROM blob WHERE place = ? AND path = ?",
    )
    this.#put = connection.prepare<[number, string, Buffer, number, string, number, number, number]>(
      "INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    this.#page = connection
      .prepare<[number, string], string>(
        `SELECT path FROM blob WHERE place = ? AND path > ? ORDER BY path LIMIT ${PAGE}`,
      )
      .pluck()
  }

  known(path: string): BlobRecord | undefined {
    const row = this.#attempt(() => this.#get.get(this.#id, path))
    if (row === undefined) return undefined
    const { length, firstSeen, checked } = row
    const sha256 = row.sha256.toString("hex")
    if (checksumOf(path, sha256, length, row.modified, firstSeen, checked) !== row.checksum) {
      this.damagedRows.add(path)
      return undefined
    }
    return { sha256, length, modified: BigInt(row.modified), firstSeen, lastChecked: checked }
  }

  checked(batch: ReadonlyMap<string, BlobRecord>): void {
    this.#together(() => {
      for (const [path, { sha256, length, modified, firstSeen, lastChecked }] of batch) {
        const sum = checksumOf(path, sha256, length, String(modified), firstSeen, lastChecked)
        const hash = Buffer.from(sha256, "hex")
        this.#put.run(this.#id, path, hash, length, String(modified), firstSeen, lastChecked, sum)
      }
    })
  }

  *paths(): Generator<string> {
    for (let last = ""; ;) {
      const page = this.#attempt(() => this.#page.all(this.#id, last))
      yield* page
      const end = page.at(-1)
      if (end === undefined || page.length < PAGE) return
      last = end
    }
  }

  listed(paths: ReadonlySet<string>): number {
    this.there = paths
    const gone = [...this.paths()].filter((path) => !paths.has(path))
    this.#together(() => {
      const [id, now] = [this.#id, this.#now()]
      const old = this.#connection.prepare<[number], string>("SELECT path FROM gone WHERE place = ?").pluck()
      const back = this.#connection.prepare<[number, string]>("DELETE FROM gone WHERE place = ? AND path = ?")
      for (const path of old.all(id)) if (paths.has(path)) back.run(id, path)
      const note = this.#connection.prepare<[number, string, number]>(
        "INSERT OR IGNORE INTO gone VALUES (?, ?, ?)",
      )
      for (const path of gone) note.run(id, path, now)
      const before = now - FORGET_GONE_MS
      this.#connection
        .prepare<[number, number, number]>(
          "DELETE FROM blob WHERE place = ? AND path IN (SELECT path FROM gone WHERE place = ? AND since < ?)",
        )
        .run(id, id, before)
      this.#connection
        .prepare<[number, number]>("DELETE FROM gone WHERE place = ? AND since < ?")
        .run(id, before)
    })
    return gone.length
  }

  get openPass(): number | undefined {
    const select = this.#connection.prepare<[number], number | null>(
      "SELECT open_pass FROM place WHERE id = ?",
    )
    return this.#attempt(() => select.pluck().get(this.#id)) ?? undefined
  }

  beginPass(at: number): void {
    this.#setPass(at)
  }

  endPass(): void {
    this.#setPass(null)
  }

  /** What was not right when it was read last, by path. */
  troubles(): Map<string, { readonly code: string; readonly since: number }> {
    const rows = this.#attempt(() =>
      this.#connection
        .prepare<[number], { path: string; code: string; since: number }>(
          "SELECT path, code, since FROM trouble WHERE place = ?",
        )
        .all(this.#id),
    )
    return new Map(rows.map(({ path, code, since }) => [path, { code, since }]))
  }

  /** These are all that are not right now. What was so before keeps its time. */
  setTroubles(troubles: ReadonlyMap<string, string>): void {
    const before = this.troubles()
    this.#together(() => {
      this.#connection.prepare<[number]>("DELETE FROM trouble WHERE place = ?").run(this.#id)
      const put = this.#connection.prepare<[number, string, string, number]>(
        "INSERT INTO trouble VALUES (?, ?, ?, ?)",
      )
      for (const [path, code] of troubles) {
        const known = before.get(path)
        put.run(this.#id, path, code, known?.code === code ? known.since : this.#now())
      }
    })
  }

  /** Notes what was odd now, forgets what was so for `keepMs`, and gives what is left by code, oldest first. */
  oddities(found: readonly (readonly [code: string, path: string])[], keepMs: number): Map<string, string[]> {
    const rows = this.#together(() => {
      const now = this.#now()
      const put = this.#connection.prepare<[number, string, string, number]>(
        "INSERT OR REPLACE INTO oddity VALUES (?, ?, ?, ?)",
      )
      for (const [code, path] of found) put.run(this.#id, code, path, now)
      this.#connection
        .prepare<[number, number]>("DELETE FROM oddity WHERE place = ? AND at < ?")
        .run(this.#id, now - keepMs)
      return this.#connection
        .prepare<[number], { code: string; path: string }>(
          "SELECT code, path FROM oddity WHERE place = ? ORDER BY at, path",
        )
        .all(this.#id)
    })
    const byCode = new Map<string, string[]>()
    for (const { code, path } of rows) {
      const paths = byCode.get(code)
      if (paths === undefined) byCode.set(code, [path])
      else paths.push(path)
    }
    return byCode
  }

  /** When a scrub of this place came to its end last. */
  get lastEnd(): number | undefined {
    const select = this.#connection.prepare<[number], number | null>(
      "SELECT last_end FROM place WHERE id = ?",
    )
    return this.#attempt(() => select.pluck().get(this.#id)) ?? undefined
  }

  ended(): void {
    this.#together(() => {
      this.#connection
        .prepare<[number, number]>("UPDATE place SET last_end = ? WHERE id = ?")
        .run(this.#now(), this.#id)
    })
  }

  #setPass(at: number | null): void {
    this.#together(() => {
      this.#connection
        .prepare<[number | null, number]>("UPDATE place SET open_pass = ? WHERE id = ?")
        .run(at, this.#id)
    })
  }

  #together<T>(work: () => T): T {
    return this.#attempt(() => this.#connection.transaction(work).immediate())
  }

  #attempt<T>(work: () => T): T {
    return ledgerErrors("the ledger of scrubs", work)
  }
}

function placeId(connection: Database.Database, key: string): number {
  connection.prepare<[string]>("INSERT OR IGNORE INTO place (key) VALUES (?)").run(key)
  const id = connection.prepare<[string], number>("SELECT id FROM place WHERE key = ?").pluck().get(key)
  if (id === undefined) throw new Error("a place that was just written down is not there")
  return id
}

function checksumOf(...fields: readonly (string | number)[]): number {
  return crc32(fields.join("\0"))
}
