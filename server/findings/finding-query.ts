import { z } from "zod"
import type { FindingCursor, FindingFilter, VolumeKey } from "../db/index.js"
import type { FindingsQuery } from "../http/admin/index.js"
import { findingSeverity, findingState } from "../http/contract/findings.js"
import { HttpError } from "../http/index.js"
import { rankOf } from "./finding.js"

const USUAL_LIMIT = 200
const MOST_LIMIT = 1_000

const known: ReadonlySet<string> = new Set([
  "state",
  "severity",
  "code",
  "source",
  "kind",
  "subject",
  "volume",
  "muted",
  "limit",
  "after",
])

/** What a request asks for. Throws HttpError 400 for what it cannot mean. */
export function filterOf(query: FindingsQuery): FindingFilter {
  const unknown = Object.keys(query).find((name) => !known.has(name))
  if (unknown !== undefined) throw invalid(`Findings cannot be asked for by ${unknown}.`)
  const severities = query["severity"] === undefined ? undefined : listed(query["severity"], findingSeverity)
  return {
    states: query["state"] === undefined ? ["open", "acknowledged"] : listed(query["state"], findingState),
    severities: severities?.map(rankOf),
    code: query["code"],
    source: query["source"],
    subjectKind: query["kind"],
    subject: query["subject"],
    volume: query["volume"] === undefined ? undefined : volumeOf(query["volume"]),
    muted: query["muted"] === undefined ? undefined : booleanOf(query["muted"]),
  }
}

export function limitOf({ limit }: FindingsQuery): number {
  if (limit === undefined) return USUAL_LIMIT
  const number = /^\d{1,6}$/.test(limit) ? Number(limit) : 0
  if (number < 1) throw invalid("`limit` is a number from 1 on.")
  return Math.min(number, MOST_LIMIT)
}

export function cursorOf(text: string | undefined): FindingCursor | undefined {
  if (text === undefined) return undefined
  const match = /^([0-2])\.(\d{1,15})$/.exec(text)
  if (match === null) throw invalid("`after` is no place in the list.")
  return { severity: Number(match[1]), id: Number(match[2]) }
}

const volumeText = z.tuple([z.string(), z.string(), z.string()])

export function volumeCursorOf(text: string | undefined): VolumeKey | undefined {
  if (text === undefined) return undefined
  try {
    const [cluster, namespace, pvc] = volumeText.parse(JSON.parse(text))
    return { cluster, namespace, pvc }
  } catch (cause) {
    throw invalid("`after` is no place in the list.", cause)
  }
}

function listed<Value extends string>(text: string, schema: z.ZodType<Value>): Value[] {
  return text.split(",").map((word) => {
    const parsed = schema.safeParse(word)
    if (!parsed.success) throw invalid(`There is no ${JSON.stringify(word.slice(0, 64))} here.`)
    return parsed.data
  })
}

function volumeOf(text: string): Partial<VolumeKey> {
  const [pvc, namespace, cluster, ...more] = text.split("/").reverse()
  if (namespace === undefined || more.length > 0 || [pvc, namespace, cluster].includes(""))
    throw invalid("A volume is namespace/pvc, or cluster/namespace/pvc.")
  return { namespace, ...(pvc === undefined ? {} : { pvc }), ...(cluster === undefined ? {} : { cluster }) }
}

function booleanOf(text: string): boolean {
  if (text === "true" || text === "false") return text === "true"
  throw invalid("`muted` is true or false.")
}

function invalid(message: string, cause?: unknown): HttpError {
  return new HttpError(400, "invalid", message, { cause })
}
