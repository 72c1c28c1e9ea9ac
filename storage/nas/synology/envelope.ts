import { z } from "zod"
import { StorageError } from "../../errors.js"

/** What DSM says in the body of its answer, which is where it says that it refuses. */
export type DsmAnswer = { readonly data: unknown } | { readonly code: number }

const failure = z.looseObject({ code: z.int() })
const envelope = z.looseObject({
  success: z.boolean(),
  data: z.unknown().optional(),
  error: failure.optional(),
  // Some APIs say it so.
  errors: z.union([failure, z.array(failure)]).optional(),
})

/** Reads `{"success":…}` (reference nas-platforms.md §3.1). Throws StorageError `corrupt`, which never quotes the bytes. */
export function parseAnswer(body: Buffer): DsmAnswer {
  const parsed = envelope.safeParse(jsonOf(body))
  if (!parsed.success) throw notDsm("its answer is no answer of DSM's Web API")
  const { success, data, error, errors } = parsed.data
  if (success) return { data }
  const [first] = [error ?? errors ?? []].flat()
  if (first === undefined) throw notDsm("it does not say why it refuses")
  return { code: first.code }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    // Its message would quote what came.
    throw notDsm("its answer is not JSON")
  }
}

function notDsm(why: string): StorageError {
  return new StorageError("corrupt", `what answers there is not as DSM should be: ${why}`, {
    facts: { sent: true },
    hint: "Check the address and the port: DSM listens for https on 5001. A proxy before it has to let /webapi through.",
  })
}
