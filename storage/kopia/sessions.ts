import { JsonFields, parseJson } from "../bytes/index.js"
import { parseTime, type Instant } from "../instant.js"
import type { Writer } from "../repository.js"

/** Parses the plaintext of a session marker (kopia-repository-format §13.4). `modified` is the file's time. */
export function parseSession(bytes: Uint8Array, file: string, modified: Instant): Writer {
  const fields = new JsonFields(parseJson(bytes, file), file)
  const checkpoint = fields.optionalString("checkpointTime")
  const saved = checkpoint === undefined ? modified : parseTime(checkpoint).instant
  return {
    id: fields.string("id"),
    user: fields.optionalString("username"),
    host: fields.optionalString("hostname"),
    // The writer's clock and the storage's may differ; the later one errs on the side of a writer that lives.
    lastSeen: saved > modified ? saved : modified,
    exclusive: undefined,
  }
}
