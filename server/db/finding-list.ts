import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import { findingColumns, type FindingState, type StoredFinding } from "./findings.js"
import type { VolumeKey } from "./volume-key.js"

/** Which findings. Left out: whichever. */
export interface FindingFilter {
  readonly states?: readonly FindingState[] | undefined
  readonly severities?: readonly number[] | undefined
  readonly code?: string | undefined
  readonly source?: string | undefined
  readonly subjectKind?: string | undefined
  readonly subject?: string | undefined
  readonly volume?: Partial<VolumeKey> | undefined
  readonly muted?: boolean | undefined
}

/** Where a page ends: severity and id of its last one. */
export interface FindingCursor {
  readonly severity: number
  readonly id: number
}

export interface FindingCount {
  readonly state: FindingState
  readonly severity: number
  readonly muted: number
  readonly count: number
}

type Values = Record<string, string | number>

/** Findings by what is asked for, a page at a time: the worst first, of those the newest. */
export class FindingList {
  readonly #connection: Database.Database

  constructor(connection: Database.Database) {
    this.#connection = connection
  }

  page(
    filter: FindingFilter,
    { now, after, most }: { now: number; after?: FindingCursor | undefined; most: number },
  ): StoredFinding[] {
    const { where, values } = condition(filter, now)
    const from =
      after === undefined
        ? []
        : ["(severity > @afterSeverity OR (severity = @afterSeverity AND id < @after))"]
    const sql = `SELECT ${findingColumns} FROM finding WHERE ${[...where, ...from].join(" AND ")}
                 ORDER BY severity, id DESC LIMIT @most`
    const given = { ...values, most, ...(after && { after: after.id, afterSeverity: after.severity }) }
    return translated("reading findings", () =>
      this.#connection.prepare<[Values], StoredFinding>(sql).all(given),
    )
  }

  counts(filter: FindingFilter, now: number): FindingCount[] {
    const { where, values } = condition(filter, now)
    const sql = `SELECT state, severity, ${MUTED} AS muted, count(*) AS count FROM finding WHERE ${where.join(" AND ")}
                 GROUP BY state, severity, muted`
    return translated("counting findings", () =>
      this.#connection.prepare<[Values], FindingCount>(sql).all({ ...values, now }),
    )
  }

  /** The volumes that a finding touches, by name, after the given one. */
  volumes(finding: number, after: VolumeKey | undefined, most: number): VolumeKey[] {
    const { cluster = "", namespace = "", pvc = "" } = after ?? {}
    const sql = `SELECT cluster, namespace, pvc FROM finding_volume
                 WHERE finding = ? AND (cluster, namespace, pvc) > (?, ?, ?) ORDER BY cluster, namespace, pvc LIMIT ?`
    return translated("reading a finding", () =>
      this.#connection
        .prepare<[number, string, string, string, number], VolumeKey>(sql)
        .all(finding, cluster, namespace, pvc, most),
    )
  }
}

const MUTED = `EXISTS (SELECT 1 FROM finding_mute AS mute WHERE mute.code = finding.code AND mute.subject_kind = finding.subject_kind
                 AND mute.subject = finding.subject AND mute.until > @now)`

/** SQL without any of the given text in it, and the values that it names. */
function condition(filter: FindingFilter, now: number): { where: string[]; values: Values } {
  const where = ["TRUE"]
  const values: Values = {}
  const { states, severities, volume, muted } = filter
  const oneOf = (column: string, name: string, given: readonly (string | number)[] | undefined): void => {
    if (given === undefined) return
    const names = given.map((value, at) => {
      values[`${name}${at}`] = value
      return `@${name}${at}`
    })
    where.push(`${column} IN (${names.join(", ")})`)
  }
  oneOf("state", "state", states)
  oneOf("severity", "severity", severities)
  for (const [column, name] of [
    ["code", "code"],
    ["source", "source"],
    ["subject_kind", "subjectKind"],
    ["subject", "subject"],
  ] as const) {
    const given = filter[name]
    if (given !== undefined) oneOf(column, name, [given])
  }
  if (volume !== undefined) {
    const parts = (["cluster", "namespace", "pvc"] as const).flatMap((part) => {
      const given = volume[part]
      if (given === undefined) return []
      values[`of_${part}`] = given
      return [`${part} = @of_${part}`]
    })
    where.push(`id IN (SELECT finding FROM finding_volume WHERE ${["TRUE", ...parts].join(" AND ")})`)
  }
  if (muted !== undefined) {
    values["now"] = now
    where.push(`${muted ? "" : "NOT "}${MUTED}`)
  }
  return { where, values }
}
