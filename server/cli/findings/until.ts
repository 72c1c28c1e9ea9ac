import { parseAge } from "../../config/index.js"
import { usageError } from "../cli-error.js"

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** A time to come, in RFC 3339: said so, or as an age such as "7d" from now. Throws a usage error. */
export function untilArgument(text: string, now = Date.now()): string {
  const age = parseAge(text)
  if (age !== undefined) return new Date(now + age).toISOString()
  const at = RFC3339.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at))
    throw usageError(
      `${JSON.stringify(text)} is no time`,
      'Write "12h", "7d" or "2w", or 2027-01-31T12:00:00Z.',
    )
  return new Date(at).toISOString()
}
