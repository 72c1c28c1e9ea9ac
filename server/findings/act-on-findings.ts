import type { FindingNotes, FindingRows, StoredFinding } from "../db/index.js"
import { HttpError } from "../http/index.js"
import { MOST_EVENTS } from "./findings.js"
import type { Looks } from "./looks.js"

export interface ActsParts {
  readonly rows: FindingRows
  readonly notes: FindingNotes
  readonly looks: Looks
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: { info(fields: object, message: string): void }
}

/** Who never looks again must not keep a finding open for ever. */
const LONG_UNLOOKED_MS = 24 * 3_600_000
/** A mute that lasts longer is a wrong threshold. */
const LONGEST_MUTE_MS = 366 * 24 * 3_600_000

/** What a person does about findings. Each may throw HttpError 404, 409 or 400, and DatabaseError. */
export class FindingActs {
  readonly #parts: ActsParts

  constructor(parts: ActsParts) {
    this.#parts = parts
  }

  /** Somebody knows of it. `until` undefined: until it is gone. What gets worse is open again. */
  acknowledge(id: number, why: string, until: number | undefined, by: string): void {
    const { rows, now } = this.#parts
    const row = this.#found(id)
    if (row.state === "closed")
      throw refused("closed", `Finding ${id} is closed.`, "Nothing has to be done about it.")
    if (until !== undefined) this.#future(until)
    this.#do(row, { kind: "acknowledged", by, why }, () => {
      rows.acknowledge(id, now(), by, why, until)
    })
  }

  /** It is to be seen to again: takes an acknowledgement back, or a closing by hand. */
  reopen(id: number, why: string | null, by: string): void {
    const { rows, now, looks } = this.#parts
    const row = this.#found(id)
    if (row.state === "open") throw refused("open", `Finding ${id} is open already.`)
    if (row.state === "closed" && row.closedWhy === "gone") {
      throw refused(
        "gone",
        `What finding ${id} told of is gone.`,
        "It opens by itself when it is found again.",
      )
    }
    this.#do(row, { kind: "reopened", by, why }, () => {
      if (row.state === "closed") rows.reopen(id, "open", false, now(), looks.of(row).looks)
      else rows.unacknowledge(id)
    })
  }

  /** Only what the last look did not find: what is still there would be open again with the next one. */
  close(id: number, why: string, by: string): void {
    const { rows, looks, now } = this.#parts
    const row = this.#found(id)
    if (row.state === "closed") throw refused("closed", `Finding ${id} is closed already.`)
    const look = looks.of(row)
    const seen = row.unsureSince === null ? look.at : row.lastSeen
    const unlooked = seen === undefined || now() - seen > LONG_UNLOOKED_MS
    if (row.absentSince === null && !unlooked) {
      throw refused(
        "still_seen",
        `What finding ${id} tells of is still there.`,
        `Acknowledge it, or mute it for a while: cistern findings acknowledge ${id} --why REASON`,
      )
    }
    this.#do(row, { kind: "closed", by, why }, () => {
      const { looks: count, at } = look
      rows.close(id, { at: now(), why: "by hand", by, seen: at ?? 0, looks: count })
    })
  }

  mute(
    { code, subjectKind, subject }: { code: string; subjectKind: string; subject: string },
    until: number,
    why: string,
    by: string,
  ): void {
    const { notes, now, log } = this.#parts
    this.#future(until)
    const at = now()
    if (until - at > LONGEST_MUTE_MS)
      throw new HttpError(400, "too_long", "A mute ends within a year.", {
        hint: "If it should never be told, change its threshold or mend its cause.",
      })
    notes.mute({ code, subjectKind, subject, until, at, by, why })
    log.info({ code, subjectKind, subject, until: new Date(until), by, why }, "finding muted")
  }

  unmute(named: { code: string; subjectKind: string; subject: string }, by: string): void {
    const { notes, log } = this.#parts
    if (!notes.unmute(named.code, named.subjectKind, named.subject)) {
      throw new HttpError(404, "not_found", "That is not muted.", {
        hint: "`cistern findings muted` lists what is.",
      })
    }
    log.info({ ...named, by }, "finding not muted any more")
  }

  #found(id: number): StoredFinding {
    const row = this.#parts.rows.byId(id)
    if (row !== undefined) return row
    throw new HttpError(404, "not_found", `There is no finding ${id}.`, {
      hint: "`cistern findings` lists them; what was closed long ago is forgotten.",
    })
  }

  #future(until: number): void {
    if (until > this.#parts.now()) return
    throw new HttpError(400, "past", "The time until which it counts is over.", { hint: "Name a later one." })
  }

  #do(row: StoredFinding, event: { kind: string; by: string; why: string | null }, work: () => void): void {
    const { rows, notes, looks, now, log } = this.#parts
    rows.together(() => {
      work()
      notes.addEvent(row.id, { at: now(), ...event }, MOST_EVENTS)
    })
    // What is there has to be compared with it at the next look.
    looks.doubt(row)
    const { id, code, subjectKind, subject } = row
    log.info({ id, code, subjectKind, subject, ...event }, `finding ${event.kind}`)
  }
}

function refused(code: string, message: string, hint?: string): HttpError {
  return new HttpError(409, code, message, hint === undefined ? {} : { hint })
}
