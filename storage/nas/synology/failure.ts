import { StorageError } from "../../errors.js"
import { type DsmCall, nameOf } from "./call.js"
import { refusalError, refusalOf } from "./refusal.js"

/** Why a call came to nothing: DSM's code, or the HTTP status of what is before DSM, which itself always says 200. */
export type Failure = { readonly code: number } | { readonly status: number }

/** What a proxy says that turned the call away, and what it says when it does not know what became of it. */
const TURNED_AWAY = new Set([429])
const LOST = new Set([502, 503, 504])

/** Whether the session is over, so that the call is to be made once more in a new one. */
export function wantsLogin(failure: Failure, call: DsmCall<unknown>): boolean {
  return "code" in failure && refusalOf(failure.code, call.refusals).reaction === "login"
}

/** Whether the same call may succeed in a while, and may be made again. */
export function wantsPatience(failure: Failure, { refusals, once }: DsmCall<unknown>): boolean {
  if ("status" in failure)
    return TURNED_AWAY.has(failure.status) || (once !== true && LOST.has(failure.status))
  const { reaction } = refusalOf(failure.code, refusals)
  return reaction === "held" || (once !== true && reaction === "wait")
}

export function failureError(failure: Failure, call: DsmCall<unknown>): StorageError {
  if ("code" in failure)
    return refusalError(nameOf(call), failure.code, refusalOf(failure.code, call.refusals))
  const { status } = failure
  const passing = TURNED_AWAY.has(status) || LOST.has(status)
  return new StorageError(
    passing ? "timeout" : "unsupported",
    `what is before DSM answered ${nameOf(call)} with HTTP status ${status}`,
    {
      facts: { status },
      hint: passing
        ? "Look whether the NAS is up, and at the proxy before it."
        : "Give Cistern DSM's own address, such as https://nas.example:5001.",
    },
  )
}

/** How long to wait before each further try, in milliseconds: from half a second, doubling, for about a minute in all. */
export const waitsMs: readonly number[] = [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000]
