import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** Something that became of a finding. `by` null: nobody did it. */
export interface FindingEvent {
  readonly at: number
  readonly kind: string
  readonly by: string | null
  readonly why: string | null
}

export interface FindingMute {
  readonly code: string
  readonly subjectKind: string
  readonly subject: string
  readonly until: number
  readonly at: number
  readonly by: string
  readonly why: string
}

/** When a source looked at a scope last. */
export interface FindingLook {
  readonly source: string
  readonly scope: string
  readonly lookedAt: number | null
  readonly looks: number
  readonly unknownSince: number | null
  readonly unknownWhy: string | null
}

/** What is kept beside the findings: their events, what is muted, and when was looked. */
export class FindingNotes {
  readonly #addEvent
  readonly #cutEvents
  readonly #events
  readonly #mute
  readonly #unmute
  readonly #mutes
  readonly #forgetMutes
  readonly #putLook
  readonly #dropLook
  readonly #looks

  constructor(connection: Database.Database) {
    this.#addEvent = connection.prepare<[number, number, string, string | null, string | null]>(
      "INSERT INTO finding_event (finding, at, kind, by, why) VALUES (?, ?, ?, ?, ?)",
    )
    // The first one stays: it says when it all began.
    this.#cutEvents = connection.prepare<[number, number, number, number]>(
      `DELETE FROM finding_event WHERE finding = ? AND id <= (SELECT id FROM finding_event WHERE finding = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
       AND id <> (SELECT min(id) FROM finding_event WHERE finding = ?)`,
    )
    this.#events = connection.prepare<[number], FindingEvent>(
      "SELECT at, kind, by, why FROM finding_event WHERE finding = ? ORDER BY id",
    )
    this.#mute = connection.prepare<FindingMute>(
      `INSERT OR REPLACE INTO finding_mute VALUES (@code, @subjectKind, @subject, @until, @at, @by, @why)`,
    )
    this.#unmute = connection.prepare<[string, string, string]>(
      "DELETE FROM finding_mute WHERE code = ? AND subject_kind = ? AND subject = ?",
    )
    this.#mutes = connection.prepare<[number], FindingMute>(
      `SELECT code, subject_kind AS subjectKind, subject, until, at, by, why FROM finding_mute WHERE until > ?
       ORDER BY code, subject_kind, subject`,
    )
    this.#forgetMutes = connection.prepare<[number]>("DELETE FROM finding_mute WHERE until <= ?")
    this.#putLook = connection.prepare<FindingLook>(
      `INSERT OR REPLACE INTO finding_look VALUES (@source, @scope, @lookedAt, @looks, @unknownSince, @unknownWhy)`,
    )
    this.#dropLook = connection.prepare<[string, string]>(
      "DELETE FROM finding_look WHERE source = ? AND scope = ?",
    )
    this.#looks = connection.prepare<[], FindingLook>(
      `SELECT source, scope, looked_at AS lookedAt, looks, unknown_since AS unknownSince, unknown_why AS unknownWhy
       FROM finding_look ORDER BY source, scope`,
    )
  }

  /** Of one finding no more than `most` are kept. */
  addEvent(finding: number, event: FindingEvent, most: number): void {
    const { at, kind, by, why } = event
    this.#addEvent.run(finding, at, kind, by, why)
    this.#cutEvents.run(finding, finding, most, finding)
  }

  /** Oldest first. */
  events(finding: number): FindingEvent[] {
    return translated("reading a finding", () => this.#events.all(finding))
  }

  mute(mute: FindingMute): void {
    translated("muting a finding", () => this.#mute.run(mute))
  }

  /** False: it was not muted. */
  unmute(code: string, subjectKind: string, subject: string): boolean {
    return translated("unmuting a finding", () => this.#unmute.run(code, subjectKind, subject).changes > 0)
  }

  /** Those that count at `now`. */
  mutes(now: number): FindingMute[] {
    return translated("reading what is muted", () => this.#mutes.all(now))
  }

  forgetMutes(now: number): number {
    return translated("forgetting what was muted", () => this.#forgetMutes.run(now).changes)
  }

  putLook(look: FindingLook): void {
    translated("writing findings", () => this.#putLook.run(look))
  }

  dropLook(source: string, scope: string): void {
    translated("writing findings", () => this.#dropLook.run(source, scope))
  }

  looks(): FindingLook[] {
    return translated("reading findings", () => this.#looks.all())
  }
}
