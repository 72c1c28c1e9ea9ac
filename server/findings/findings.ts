import { createHash } from "node:crypto"
import type { FindingNotes, FindingRows, StoredFinding } from "../db/index.js"
import { type KeptFact, keptFacts } from "./clip.js"
import { type Fact, keyOf, type Looked, rankOf, SEVERITIES, type Subject, subjectOfKey } from "./finding.js"
import type { Look, Looks } from "./looks.js"
import { type Change, type Known, MORE, reconcileWithin } from "./reconcile.js"

export interface FindingsParts {
  readonly rows: FindingRows
  readonly notes: FindingNotes
  readonly looks: Looks
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

export interface ReportOptions {
  /**
   * How long a finding that came back within a day has to stay away until it closes. An hour, for who looks every minute; 0 for a
   * job that looks once in days and at everything.
   */
  readonly settleMs?: number
  /** What could not be looked at, though the rest was: what is known of it stays as it is. */
  readonly unsure?: { readonly subjects: readonly Subject[]; readonly why: string }
}

/** Open and acknowledged ones of one source; what is more is counted only. */
export const MOST_OPEN = 10_000
/** Of one finding. The first and the newest stay. */
export const MOST_EVENTS = 100
const MOST_CLOSED = 20_000
const KEEP_CLOSED_MS = 90 * 24 * 3_600_000
const SETTLE_MS = 3_600_000

/** The one place that turns facts into findings. */
export class Findings {
  readonly #parts: FindingsParts

  constructor(parts: FindingsParts) {
    this.#parts = parts
  }

  /**
   * For this source and scope, these are all there is now: what is new opens, what is gone closes. That they are the same as at the last
   * look costs no write. Throws DatabaseError; then nothing changed, and the next report does it.
   */
  report(looked: Looked, facts: readonly Fact[], { settleMs = SETTLE_MS, unsure }: ReportOptions = {}): void {
    const { rows, looks, now } = this.#parts
    const at = now()
    const kept = keptFacts(facts)
    const subjects = new Set((unsure?.subjects ?? []).map(({ kind, key }) => JSON.stringify([kind, key])))
    const digest = digestOf(kept, subjects)
    const before = looks.of(looked)
    const unknown = unsure === undefined ? undefined : { since: before.unknown?.since ?? at, why: unsure.why }
    const look: Look = { ...before, at, looks: before.looks + 1, unknown }
    if (looks.foundSame(looked, digest)) {
      looks.note(look, digest)
      return
    }
    const { known, rowOf } = this.#known(looked, kept)
    const room = Math.max(0, MOST_OPEN - rows.count(looked.source, MORE))
    const isUnsure = (key: string): boolean => subjects.has(subjectOfKey(key))
    const changes = reconcileWithin(looked, known, kept, { now: at, room, settleMs, isUnsure })
    if (changes.length > 0) {
      rows.together(() => {
        for (const change of changes) this.#carryOut(change, looked, { before, look, rowOf })
        // The rows count their looks from this one on.
        looks.put(look)
      })
    }
    // What waits to be gone has to be looked at again, though the same is found.
    const waits =
      changes.some(({ kind }) => kind === "absent") ||
      known.some(
        ({ absentSince, state, id }) =>
          state !== "closed" &&
          absentSince !== undefined &&
          !changes.some((change) => "id" in change && change.id === id),
      )
    looks.note(look, waits || changes.some(isLeft) ? undefined : digest)
    this.#tell(looked, changes, rowOf)
  }

  /** The source could not look: nothing closes, and that nobody knows is told, with its age. */
  couldNotLook(looked: Looked, why: string): void {
    const { looks, now } = this.#parts
    const before = looks.of(looked)
    const since = before.unknown?.since ?? now()
    if (before.unknown?.why === why) return
    looks.note({ ...before, unknown: { since, why } }, undefined)
  }

  /** What a source has looked at, or could not, and where something of it is kept. */
  scopes(source: string): string[] {
    const { rows, looks } = this.#parts
    const held = looks.all().flatMap((look) => (look.source === source ? [look.scope] : []))
    return [...new Set([...held, ...rows.scopes(source)])]
  }

  /** Of a source, only these scopes are there any more: what was found in others is gone with them. Throws DatabaseError. */
  onlyScopes(source: string, scopes: Iterable<string>): void {
    const { looks } = this.#parts
    const there = new Set(scopes)
    for (const scope of this.scopes(source)) {
      if (there.has(scope)) continue
      this.report({ source, scope }, [], { settleMs: 0 })
      looks.forget({ source, scope })
    }
  }

  /** Ends acknowledgements and mutes that are over. Cheap when none is. Throws DatabaseError. */
  expire(): void {
    const { rows, notes, now, looks } = this.#parts
    const at = now()
    const expired = rows.expired(at)
    if (expired.length > 0) {
      rows.together(() => {
        for (const id of expired) {
          rows.unacknowledge(id)
          notes.addEvent(id, { at, kind: "acknowledgement_over", by: null, why: null }, MOST_EVENTS)
          const row = rows.byId(id)
          if (row !== undefined) looks.doubt(row)
        }
      })
    }
    notes.forgetMutes(at)
  }

  /** Writes down when was looked, and forgets what was closed long ago. Throws DatabaseError. */
  save(): void {
    const { rows, looks, now } = this.#parts
    rows.together(() => {
      looks.save()
      rows.trim(now() - KEEP_CLOSED_MS, MOST_CLOSED)
    })
  }

  /** The open ones of a scope, and the closed ones of which something is found again. */
  #known(
    { source, scope }: Looked,
    facts: readonly KeptFact[],
  ): { known: Known[]; rowOf: ReadonlyMap<number, StoredFinding> } {
    const { rows } = this.#parts
    const open = rows.notClosed(source, scope)
    const keys = new Set(open.map(keyOfRow))
    const closed = facts.flatMap(({ key, fact: { code, subject } }) =>
      keys.has(key)
        ? []
        : (rows.named({ source, scope, code, subjectKind: subject.kind, subject: subject.key }) ?? []),
    )
    // What stands for those that are not kept may have been closed, too, and is made up only later.
    const more = rows.named({
      source,
      scope,
      code: MORE,
      subjectKind: "source",
      subject: `${source} ${scope}`,
    })
    const all = [...open, ...closed, ...(more?.state === "closed" ? [more] : [])]
    return { known: all.map(knownOf), rowOf: new Map(all.map((row) => [row.id, row])) }
  }

  #carryOut(
    change: Change,
    { source, scope }: Looked,
    {
      before,
      look,
      rowOf,
    }: { readonly before: Look; readonly look: Look; readonly rowOf: ReadonlyMap<number, StoredFinding> },
  ): void {
    const { rows, notes } = this.#parts
    const at = look.at ?? 0
    const event = (id: number, kind: string, why: string | null = null): void => {
      notes.addEvent(id, { at, kind, by: null, why }, MOST_EVENTS)
    }
    const seen = before.at ?? 0
    switch (change.kind) {
      case "open": {
        const { fact, volumes } = change.fact
        const { code, subject } = fact
        const name = { source, scope, code, subjectKind: subject.kind, subject: subject.key }
        event(rows.insert(name, toldOf(change.fact), volumes, at, look.looks), "opened")
        return
      }
      case "reopen":
        rows.tell(change.id, toldOf(change.fact), change.fact.volumes)
        rows.reopen(change.id, change.acknowledged ? "acknowledged" : "open", change.unsteady, at, look.looks)
        event(change.id, "reopened")
        return
      case "tell": {
        const was = rowOf.get(change.id)
        rows.tell(change.id, toldOf(change.fact), change.fact.volumes)
        const { severity } = change.fact.fact
        if (was !== undefined && was.severity !== rankOf(severity))
          event(change.id, change.worse ? "worse" : "better", severity)
        if (change.worse && was?.state === "acknowledged") rows.unacknowledge(change.id)
        return
      }
      case "back":
        rows.back(change.id, at, look.looks)
        return
      case "absent":
        rows.absent(change.id, at, seen, before.looks)
        return
      case "unsure":
        rows.unsure(change.id, at, seen, before.looks)
        return
      case "close":
        rows.close(change.id, { at, why: "gone", by: null, seen, looks: before.looks })
        event(change.id, "closed", "gone")
    }
  }

  #tell(
    { source, scope }: Looked,
    changes: readonly Change[],
    rowOf: ReadonlyMap<number, StoredFinding>,
  ): void {
    const opened = changes.filter(({ kind }) => kind === "open" || kind === "reopen")
    const closed = changes.filter(({ kind }) => kind === "close")
    if (opened.length + closed.length === 0) return
    const fields = {
      source,
      scope,
      opened: opened.slice(0, MOST_LOGGED).flatMap((one) => ("fact" in one ? one.fact.fact.title : [])),
      closed: closed
        .slice(0, MOST_LOGGED)
        .flatMap((one) => ("id" in one ? (rowOf.get(one.id)?.title ?? []) : [])),
    }
    const { log } = this.#parts
    if (opened.length > 0) log.warn({ ...fields, count: opened.length }, "findings")
    else log.info({ ...fields, count: closed.length }, "findings are gone")
  }
}

const MOST_LOGGED = 10

/** Something had no room: there may be some at the next look. */
function isLeft(change: Change): boolean {
  return "fact" in change && change.fact.fact.code === MORE
}

function digestOf(facts: readonly KeptFact[], unsure: ReadonlySet<string>): string {
  const hash = createHash("sha256")
  for (const { told } of facts) hash.update(told)
  hash.update(JSON.stringify([...unsure].sort()))
  return hash.digest("base64")
}

function toldOf({ fact, evidence, volumeCount, told }: KeptFact): Parameters<FindingRows["tell"]>[1] {
  const { severity, title, hint } = fact
  return { severity: rankOf(severity), title, hint, evidence, volumes: volumeCount, told }
}

function keyOfRow({ code, subjectKind, subject }: StoredFinding): string {
  return keyOf({ code, subject: { kind: subjectKind, key: subject } })
}

function knownOf(row: StoredFinding): Known {
  const { id, state, told, absentSince, unsureSince, closedAt, acknowledgedAt, acknowledgedUntil } = row
  return {
    id,
    key: keyOfRow(row),
    state,
    severity: SEVERITIES[row.severity] ?? "critical",
    told,
    unsteady: row.unsteady === 1,
    absentSince: absentSince ?? undefined,
    unsureSince: unsureSince ?? undefined,
    closedAt: closedAt ?? undefined,
    acknowledged: acknowledgedAt === null ? undefined : { until: acknowledgedUntil ?? undefined },
  }
}
