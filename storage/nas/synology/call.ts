import type { z } from "zod"
import { StorageError } from "../../errors.js"
import type { RefusalTable } from "./refusal.js"

/** One method of DSM's Web API. */
export interface DsmCall<T> {
  readonly api: string
  readonly version: number
  readonly method: string
  /** What is in its answer. */
  readonly reply: z.ZodType<T>
  /** What codes mean to this API only. */
  readonly refusals?: RefusalTable
  /** True: twice is not the same as once. It is made again only when DSM has certainly not done it. */
  readonly once?: true
  /** Nothing hangs on it: it is made while nothing else is to do, once, briefly, and broken off when something else comes. */
  readonly aside?: true
  /** For so long after it no other call is made. */
  readonly restMs?: number
}

export function nameOf({ api, method }: DsmCall<unknown>): string {
  return `${api} ${method}`
}

/** Throws StorageError `corrupt` with the names of what is wrong, never with what came. */
export function parseReply<T>(call: DsmCall<T>, data: unknown): T {
  const parsed = call.reply.safeParse(data)
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues
    .slice(0, 3)
    .map(({ path, code }) => `${path.length === 0 ? "all of it" : path.map(String).join(".")}: ${code}`)
  throw new StorageError(
    "corrupt",
    `DSM's answer to ${nameOf(call)} is not what it should be (${wrong.join("; ")})`,
    {
      facts: { sent: true },
      hint: "Tell us the version of DSM and this message.",
    },
  )
}
