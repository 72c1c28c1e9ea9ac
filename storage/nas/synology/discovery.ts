import { z } from "zod"
import { StorageError } from "../../errors.js"
import { type DsmCall, parseReply } from "./call.js"
import type { FormStyle } from "./form.js"

/** Where an API is, and how it wants its parameters. */
export interface DsmApi {
  readonly path: string
  readonly style: FormStyle
}

const whole = z.union([z.int(), z.string().regex(/^\d+$/)]).transform(Number)
const entry = z.looseObject({
  // No "..", and nothing that another server could be behind.
  path: z.string().regex(/^(?!.*\.\.)[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/),
  minVersion: whole,
  maxVersion: whole,
  requestFormat: z.string().optional(),
})

/** The API that lists all APIs (reference nas-platforms.md §3.1). It is asked without a session. */
export const discoveryCall: DsmCall<Readonly<Record<string, unknown>>> = {
  api: "SYNO.API.Info",
  version: 1,
  method: "query",
  reply: z.record(z.string(), z.unknown()),
}
export const discoveryValues = { query: "all" } as const
export const discoveryApi: DsmApi = { path: "entry.cgi", style: "plain" }

/** Throws StorageError `unsupported` where this DSM has no such API, or not in the version that is spoken here. */
export function apiOf(list: Readonly<Record<string, unknown>>, call: DsmCall<unknown>): DsmApi {
  const { api, version } = call
  const found = Object.hasOwn(list, api) ? list[api] : undefined
  if (found === undefined) throw unsupported(`this DSM has no ${api}`)
  const { path, minVersion, maxVersion, requestFormat } = parseReply(
    { ...discoveryCall, reply: entry },
    found,
  )
  if (version < minVersion || version > maxVersion) {
    throw unsupported(`this DSM has ${api} in versions ${minVersion} to ${maxVersion}, not ${version}`)
  }
  return { path, style: requestFormat === "JSON" ? "json" : "plain" }
}

function unsupported(what: string): StorageError {
  return new StorageError("unsupported", what, {
    facts: { sent: false },
    hint: "Use DSM 7, or enter the NFS rules yourself as `cistern exports show` says.",
  })
}
