import type { z } from "zod"
import type {
  FindingCount,
  FindingCursor,
  FindingFilter,
  FindingList,
  FindingMute,
  FindingNotes,
  FindingRows,
  StoredFinding,
  VolumeKey,
} from "../db/index.js"
import type { FindingAdministration, FindingsQuery } from "../http/admin/index.js"
import type {
  acknowledgeFindingRequest,
  closeFindingRequest,
  FindingJson,
  FindingShownJson,
  FindingsJson,
  MutesJson,
  muteFindingRequest,
  reopenFindingRequest,
  unmuteFindingRequest,
} from "../http/contract/findings.js"
import { HttpError } from "../http/index.js"
import type { FindingActs } from "./act-on-findings.js"
import { SEVERITIES } from "./finding.js"
import type { Findings } from "./findings.js"
import { cursorOf, filterOf, limitOf, volumeCursorOf } from "./finding-query.js"
import type { Look, Looks } from "./looks.js"

export interface FindingViewsParts {
  readonly rows: FindingRows
  readonly list: FindingList
  readonly notes: FindingNotes
  readonly looks: Looks
  readonly acts: FindingActs
  readonly findings: Pick<Findings, "expire">
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Of what could not be looked at so much is told by name. */
const MOST_UNKNOWN = 100
const VOLUMES_A_PAGE = 200

/** Findings as an administrator sees and changes them. */
export class FindingViews implements FindingAdministration {
  readonly #parts: FindingViewsParts

  constructor(parts: FindingViewsParts) {
    this.#parts = parts
  }

  list(query: FindingsQuery): FindingsJson {
    const { list, looks } = this.#parts
    const now = this.#now()
    const filter = filterOf(query)
    const most = limitOf(query)
    const found = list.page(filter, { now, after: cursorOf(query["after"]), most: most + 1 })
    const page = found.slice(0, most)
    const last = found.length > most ? page.at(-1) : undefined
    const counts = list.counts(filter, now)
    const unknown = looks.all().filter((look) => look.unknown !== undefined)
    unknown.sort((one, other) => (one.unknown?.since ?? 0) - (other.unknown?.since ?? 0))
    const mutes = this.#mutes(now)
    return {
      findings: page.map((row) => this.#json(row, mutes)),
      open: openOf(counts),
      total: counts.reduce((sum, { count }) => sum + count, 0),
      next: last === undefined ? null : cursorText(last),
      unknown: unknown.slice(0, MOST_UNKNOWN).map(unknownJson),
      unknownTotal: unknown.length,
    }
  }

  show(id: number, after: string | undefined): FindingShownJson {
    const { rows, list, notes } = this.#parts
    const now = this.#now()
    const row = rows.byId(id)
    if (row === undefined) {
      throw new HttpError(404, "not_found", `There is no finding ${id}.`, {
        hint: "`cistern findings` lists them; what was closed long ago is forgotten.",
      })
    }
    const found = list.volumes(id, volumeCursorOf(after), VOLUMES_A_PAGE + 1)
    const volumes = found.slice(0, VOLUMES_A_PAGE)
    const last = found.length > VOLUMES_A_PAGE ? volumes.at(-1) : undefined
    return {
      finding: this.#json(row, this.#mutes(now)),
      evidence: JSON.parse(row.evidence) as Record<string, unknown>,
      touched: { volumes, next: last === undefined ? null : volumeText(last) },
      events: notes.events(id).map(({ at, ...event }) => ({ at: timeOf(at), ...event })),
    }
  }

  acknowledge(
    id: number,
    { why, until }: z.output<typeof acknowledgeFindingRequest>,
    by: string,
  ): FindingShownJson {
    this.#parts.acts.acknowledge(id, why, until === undefined ? undefined : Date.parse(until), by)
    return this.show(id, undefined)
  }

  reopen(id: number, { why }: z.output<typeof reopenFindingRequest>, by: string): FindingShownJson {
    this.#parts.acts.reopen(id, why ?? null, by)
    return this.show(id, undefined)
  }

  close(id: number, { why }: z.output<typeof closeFindingRequest>, by: string): FindingShownJson {
    this.#parts.acts.close(id, why, by)
    return this.show(id, undefined)
  }

  mutes(): MutesJson {
    return {
      mutes: this.#parts.notes
        .mutes(this.#now())
        .map(({ code, subjectKind, subject, at, until, by, why }) => ({
          code,
          subject: { kind: subjectKind, key: subject },
          at: timeOf(at),
          until: timeOf(until),
          by,
          why,
        })),
    }
  }

  mute({ code, subject, until, why }: z.output<typeof muteFindingRequest>, by: string): MutesJson {
    const named = { code, subjectKind: subject.kind, subject: subject.key }
    this.#parts.acts.mute(named, Date.parse(until), why, by)
    return this.mutes()
  }

  unmute({ code, subject }: z.output<typeof unmuteFindingRequest>, by: string): MutesJson {
    this.#parts.acts.unmute({ code, subjectKind: subject.kind, subject: subject.key }, by)
    return this.mutes()
  }

  /** How many of each severity are open, acknowledged and muted. For metrics. */
  counts(): {
    readonly severity: string
    readonly state: "open" | "acknowledged" | "muted"
    readonly count: number
  }[] {
    const states = { states: ["open", "acknowledged"] } as const satisfies FindingFilter
    const rows = this.#parts.list.counts(states, this.#now())
    const sum = (of: (row: FindingCount) => boolean): number =>
      rows.filter(of).reduce((total, { count }) => total + count, 0)
    return SEVERITIES.flatMap((severity, rank) => [
      ...(["open", "acknowledged"] as const).map((state) => ({
        severity,
        state,
        count: sum((row) => row.severity === rank && row.state === state && row.muted === 0),
      })),
      { severity, state: "muted" as const, count: sum((row) => row.severity === rank && row.muted === 1) },
    ])
  }

  #now(): number {
    this.#parts.findings.expire()
    return this.#parts.now()
  }

  #mutes(now: number): ReadonlyMap<string, FindingMute> {
    return new Map(this.#parts.notes.mutes(now).map((mute) => [muteKey(mute), mute]))
  }

  #json(row: StoredFinding, mutes: ReadonlyMap<string, FindingMute>): FindingJson {
    const look = this.#parts.looks.of(row)
    const isThere = row.state !== "closed" && row.absentSince === null && row.unsureSince === null
    const { unknown } = look
    // Others of its scope were looked at since: then each says for itself.
    const unlooked = unknown !== undefined && (look.at === undefined || look.at < unknown.since)
    const mute = mutes.get(muteKey(row))
    return {
      id: row.id,
      code: row.code,
      severity: SEVERITIES[row.severity] ?? "critical",
      state: row.state,
      subject: { kind: row.subjectKind, key: row.subject },
      title: row.title,
      hint: row.hint,
      volumes: row.volumes,
      source: row.source,
      scope: row.scope,
      firstSeen: timeOf(row.firstSeen),
      openedAt: timeOf(row.openedAt),
      opened: row.opened,
      lastSeen: timeOf(isThere ? Math.max(row.lastSeen, look.at ?? 0) : row.lastSeen),
      timesSeen: row.timesSeen + (isThere ? Math.max(0, look.looks - row.looksMark) : 0),
      absentSince: row.state === "closed" ? null : timeOrNull(row.absentSince),
      unknownSince:
        row.state === "closed" ? null : timeOrNull(row.unsureSince ?? (unlooked ? unknown.since : null)),
      acknowledged:
        row.acknowledgedAt === null
          ? null
          : {
              at: timeOf(row.acknowledgedAt),
              by: row.acknowledgedBy ?? "",
              why: row.acknowledgedWhy ?? "",
              until: timeOrNull(row.acknowledgedUntil),
            },
      muted:
        mute === undefined
          ? null
          : { at: timeOf(mute.at), by: mute.by, why: mute.why, until: timeOf(mute.until) },
      closed:
        row.closedAt === null
          ? null
          : { at: timeOf(row.closedAt), why: row.closedWhy ?? "gone", by: row.closedBy },
    }
  }
}

function muteKey({
  code,
  subjectKind,
  subject,
}: Pick<FindingMute, "code" | "subjectKind" | "subject">): string {
  return JSON.stringify([code, subjectKind, subject])
}

function openOf(counts: readonly FindingCount[]): FindingsJson["open"] {
  const [critical = 0, warning = 0, info = 0] = SEVERITIES.map((_, rank) =>
    counts
      .filter(({ severity, state, muted }) => severity === rank && state === "open" && muted === 0)
      .reduce((sum, { count }) => sum + count, 0),
  )
  return { critical, warning, info }
}

function unknownJson({ source, scope, at, unknown }: Look): FindingsJson["unknown"][number] {
  return {
    source,
    scope,
    since: timeOf(unknown?.since ?? 0),
    why: unknown?.why ?? "",
    lookedAt: timeOrNull(at ?? null),
  }
}

function cursorText({ severity, id }: FindingCursor): string {
  return `${severity}.${id}`
}

function volumeText({ cluster, namespace, pvc }: VolumeKey): string {
  return JSON.stringify([cluster, namespace, pvc])
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function timeOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : timeOf(milliseconds)
}
