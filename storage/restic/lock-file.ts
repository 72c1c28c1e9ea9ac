import { JsonFields, parseJson } from "../bytes/index.js"
import { type Instant, parseTime } from "../instant.js"
import { naming } from "./hash-named.js"

export const LONGEST_LOCK_FILE = 64 * 1024

/** A lock as its holder wrote it (restic-repository-format §10). */
export interface Lock {
  /** By the holder's clock. */
  readonly time: Instant
  readonly exclusive: boolean
  readonly host: string
  readonly user: string
  readonly pid: number
}

export function parseLock(json: Uint8Array, id: string): Lock {
  const file = `locks/${id}`
  return naming(file, () => {
    const fields = new JsonFields(parseJson(json, file), file)
    return {
      time: parseTime(fields.string("time")).instant,
      exclusive: fields.optionalBoolean("exclusive") ?? false,
      host: fields.optionalString("hostname") ?? "",
      user: fields.optionalString("username") ?? "",
      pid: fields.optionalNumber("pid") ?? 0,
    }
  })
}
