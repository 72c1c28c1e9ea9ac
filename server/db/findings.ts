import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { VolumeKey } from "./volume-key.js"

export type FindingState = "open" | "acknowledged" | "closed"

/** One row. Times are Unix milliseconds. `severity`: 0 critical, 1 warning, 2 info. */
export interface StoredFinding {
  readonly id: number
  readonly source: string
  readonly scope: string
  readonly code: string
  readonly subjectKind: string
  readonly subject: string
  readonly severity: number
  readonly state: FindingState
  readonly title: string
  readonly hint: string
  /** JSON. */
  readonly evidence: string
  readonly volumes: number
  readonly told: string
  readonly firstSeen: number
  readonly openedAt: number
  readonly opened: number
  readonly unsteady: number
  readonly lastSeen: number
  readonly timesSeen: number
  readonly looksMark: number
  readonly absentSince: number | null
  readonly unsureSince: number | null
  readonly acknowledgedAt: number | null
  readonly acknowledgedBy: string | null
  readonly acknowledgedWhy: string | null
  readonly acknowledgedUntil: number | null
  readonly closedAt: number | null
  readonly closedWhy: "gone" | "by hand" | null
  readonly closedBy: string | null
}

/** What is told of a finding, as it is written. */
export interface ToldFinding {
  readonly severity: number
  readonly title: string
  readonly hint: string
  readonly evidence: string
  readonly volumes: number
  readonly told: string
}

export type FindingName = Pick<StoredFinding, "source" | "scope" | "code" | "subjectKind" | "subject">

export const findingColumns = `id, source, scope, code, subject_kind AS subjectKind, subject, severity, state, title, hint, evidence,
  volumes, told, first_seen AS firstSeen, opened_at AS openedAt, opened, unsteady, last_seen AS lastSeen, times_seen AS timesSeen,
  looks_mark AS looksMark, absent_since AS absentSince, unsure_since AS unsureSince, acknowledged_at AS acknowledgedAt, acknowledged_by AS acknowledgedBy,
  acknowledged_why AS acknowledgedWhy, acknowledged_until AS acknowledgedUntil, closed_at AS closedAt, closed_why AS closedWhy,
  closed_by AS closedBy`

/** Rows of findings, one at a time. The caller puts what belongs together into one transaction. */
export class FindingRows {
  readonly #connection
  readonly #byId
  readonly #notClosed
  readonly #named
  readonly #count
  readonly #insert
  readonly #tell
  readonly #addVolume
  readonly #dropVolumes
  readonly #reopen
  readonly #absent
  readonly #unsure
  readonly #back
  readonly #close
  readonly #acknowledge
  readonly #unacknowledge
  readonly #expired
  readonly #scopes
  readonly #trim

  constructor(connection: Database.Database) {
    this.#connection = connection
    const select = `SELECT ${findingColumns} FROM finding`
    this.#byId = connection.prepare<[number], StoredFinding>(`${select} WHERE id = ?`)
    this.#notClosed = connection.prepare<[string, string], StoredFinding>(
      `${select} WHERE source = ? AND scope = ? AND state <> 'closed'`,
    )
    this.#named = connection.prepare<FindingName, StoredFinding>(
      `${select} WHERE source = @source AND scope = @scope AND code = @code AND subject_kind = @subjectKind AND subject = @subject`,
    )
    this.#count = connection
      .prepare<[string, string], number>(
        "SELECT count(*) FROM finding WHERE source = ? AND code <> ? AND state <> 'closed'",
      )
      .pluck()
    this.#insert = connection.prepare<FindingName & ToldFinding & { at: number; looks: number }>(
      `INSERT INTO finding (source, scope, code, subject_kind, subject, severity, state, title, hint, evidence, volumes, told,
         first_seen, opened_at, opened, unsteady, last_seen, times_seen, looks_mark)
       VALUES (@source, @scope, @code, @subjectKind, @subject, @severity, 'open', @title, @hint, @evidence, @volumes, @told,
         @at, @at, 1, 0, @at, 1, @looks)`,
    )
    this.#tell = connection.prepare<ToldFinding & { id: number }>(
      `UPDATE finding SET severity = @severity, title = @title, hint = @hint, evidence = @evidence, volumes = @volumes, told = @told
       WHERE id = @id`,
    )
    this.#addVolume = connection.prepare<[number, string, string, string]>(
      "INSERT OR IGNORE INTO finding_volume VALUES (?, ?, ?, ?)",
    )
    this.#dropVolumes = connection.prepare<[number]>("DELETE FROM finding_volume WHERE finding = ?")
    this.#reopen = connection.prepare<{
      id: number
      state: FindingState
      at: number
      unsteady: number
      looks: number
    }>(
      `UPDATE finding SET state = @state, opened_at = @at, opened = opened + 1, unsteady = @unsteady, last_seen = @at,
         times_seen = times_seen + 1, looks_mark = @looks, absent_since = NULL, unsure_since = NULL, closed_at = NULL, closed_why = NULL, closed_by = NULL,
         acknowledged_at = iif(@state = 'open', NULL, acknowledged_at), acknowledged_by = iif(@state = 'open', NULL, acknowledged_by),
         acknowledged_why = iif(@state = 'open', NULL, acknowledged_why), acknowledged_until = iif(@state = 'open', NULL, acknowledged_until)
       WHERE id = @id`,
    )
    this.#absent = connection.prepare<{ id: number; at: number; seen: number; looks: number }>(
      `UPDATE finding SET absent_since = @at, last_seen = iif(unsure_since IS NULL, max(last_seen, @seen), last_seen),
         times_seen = times_seen + iif(unsure_since IS NULL, @looks - looks_mark, 0), looks_mark = @looks, unsure_since = NULL
       WHERE id = @id`,
    )
    this.#unsure = connection.prepare<{ id: number; at: number; seen: number; looks: number }>(
      `UPDATE finding SET unsure_since = @at, last_seen = iif(absent_since IS NULL, max(last_seen, @seen), last_seen),
         times_seen = times_seen + iif(absent_since IS NULL, @looks - looks_mark, 0), looks_mark = @looks WHERE id = @id`,
    )
    this.#back = connection.prepare<{ id: number; at: number; looks: number }>(
      `UPDATE finding SET absent_since = NULL, unsure_since = NULL, last_seen = @at, times_seen = times_seen + 1, looks_mark = @looks WHERE id = @id`,
    )
    this.#close = connection.prepare<{
      id: number
      at: number
      why: string
      by: string | null
      seen: number
      looks: number
    }>(
      `UPDATE finding SET state = 'closed', closed_at = @at, closed_why = @why, closed_by = @by,
         last_seen = iif(absent_since IS NULL AND unsure_since IS NULL, max(last_seen, @seen), last_seen),
         times_seen = times_seen + iif(absent_since IS NULL AND unsure_since IS NULL, @looks - looks_mark, 0), looks_mark = @looks
       WHERE id = @id`,
    )
    this.#acknowledge = connection.prepare<{
      id: number
      at: number
      by: string
      why: string
      until: number | null
    }>(
      `UPDATE finding SET state = 'acknowledged', acknowledged_at = @at, acknowledged_by = @by, acknowledged_why = @why,
         acknowledged_until = @until WHERE id = @id`,
    )
    this.#unacknowledge = connection.prepare<[number]>(
      `UPDATE finding SET state = 'open', acknowledged_at = NULL, acknowledged_by = NULL, acknowledged_why = NULL,
         acknowledged_until = NULL WHERE id = ?`,
    )
    this.#expired = connection
      .prepare<[number], number>(
        "SELECT id FROM finding WHERE state = 'acknowledged' AND acknowledged_until <= ?",
      )
      .pluck()
    this.#scopes = connection
      .prepare<[string], string>("SELECT DISTINCT scope FROM finding WHERE source = ? AND state <> 'closed'")
      .pluck()
    this.#trim = connection.prepare<[number, number]>(
      `DELETE FROM finding WHERE state = 'closed' AND (closed_at < ? OR id NOT IN
         (SELECT id FROM finding WHERE state = 'closed' ORDER BY closed_at DESC LIMIT ?))`,
    )
  }

  /** All of it or nothing. Throws DatabaseError. */
  together<T>(work: () => T): T {
    return translated("writing findings", () => this.#connection.transaction(work)())
  }

  byId(id: number): StoredFinding | undefined {
    return translated("reading a finding", () => this.#byId.get(id))
  }

  /** Open and acknowledged ones of one scope. */
  notClosed(source: string, scope: string): StoredFinding[] {
    return translated("reading findings", () => this.#notClosed.all(source, scope))
  }

  named(name: FindingName): StoredFinding | undefined {
    return translated("reading findings", () => this.#named.get(name))
  }

  /** Open and acknowledged ones of a source, those of one code aside. */
  count(source: string, butCode: string): number {
    return translated("counting findings", () => this.#count.get(source, butCode)) ?? 0
  }

  /** Scopes of a source in which something is not closed. */
  scopes(source: string): string[] {
    return translated("reading findings", () => this.#scopes.all(source))
  }

  insert(
    name: FindingName,
    told: ToldFinding,
    volumes: readonly VolumeKey[],
    at: number,
    looks: number,
  ): number {
    const id = Number(this.#insert.run({ ...name, ...told, at, looks }).lastInsertRowid)
    this.#setVolumes(id, volumes)
    return id
  }

  tell(id: number, told: ToldFinding, volumes: readonly VolumeKey[]): void {
    this.#tell.run({ id, ...told })
    this.#dropVolumes.run(id)
    this.#setVolumes(id, volumes)
  }

  reopen(id: number, state: "open" | "acknowledged", unsteady: boolean, at: number, looks: number): void {
    this.#reopen.run({ id, state, unsteady: unsteady ? 1 : 0, at, looks })
  }

  /** `seen`: the last look at which it was there. `looks`: up to it. */
  absent(id: number, at: number, seen: number, looks: number): void {
    this.#absent.run({ id, at, seen, looks })
  }

  /** The same, of one that could not be looked at. */
  unsure(id: number, at: number, seen: number, looks: number): void {
    this.#unsure.run({ id, at, seen, looks })
  }

  back(id: number, at: number, looks: number): void {
    this.#back.run({ id, at, looks })
  }

  close(
    id: number,
    closing: {
      readonly at: number
      readonly why: "gone" | "by hand"
      readonly by: string | null
      readonly seen: number
      readonly looks: number
    },
  ): void {
    this.#close.run({ id, ...closing })
  }

  acknowledge(id: number, at: number, by: string, why: string, until: number | undefined): void {
    this.#acknowledge.run({ id, at, by, why, until: until ?? null })
  }

  unacknowledge(id: number): void {
    this.#unacknowledge.run(id)
  }

  /** Acknowledged until a time that is over. */
  expired(now: number): number[] {
    return translated("reading findings", () => this.#expired.all(now))
  }

  /** Removes those closed before a time, and of the others all but the newest `most`. */
  trim(before: number, most: number): number {
    return translated("trimming findings", () => this.#trim.run(before, most).changes)
  }

  #setVolumes(id: number, volumes: readonly VolumeKey[]): void {
    for (const { cluster, namespace, pvc } of volumes) this.#addVolume.run(id, cluster, namespace, pvc)
  }
}
