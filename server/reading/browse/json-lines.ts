import { errorToJson } from "../../catalog/rpc.js"

/** Gathered to pieces of about this, or for so long. */
const PIECE = 64 * 1024
const GATHER_MS = 200

/** A line of an answer in lines: `row` as often as there are, `progress` between them, and one `end` or `error` at last. */
export type Line =
  | { readonly row: object }
  | { readonly progress: object }
  | { readonly end: object }
  | {
      readonly error: { readonly code: string; readonly message: string; readonly hint: string | null }
    }

/**
 * Lines of JSON as bytes. What goes wrong on the way is the last line: an answer without `end` is not whole. `isOurs` takes errors that
 * nobody is to be told (an abort).
 */
export async function* linesOf(
  lines: AsyncIterable<Line>,
  explain: (error: unknown) => unknown,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let gathered = ""
  let since = performance.now()
  const take = (): Uint8Array => {
    const piece = Buffer.from(gathered)
    gathered = ""
    since = performance.now()
    return piece
  }
  try {
    for await (const line of lines) {
      gathered += `${JSON.stringify(line)}\n`
      if (gathered.length >= PIECE || performance.now() - since >= GATHER_MS) yield take()
    }
  } catch (error) {
    signal.throwIfAborted()
    const { code, message, hint } = errorToJson(explain(error))
    // A fault of ours is for the log.
    if (code === "internal") throw error
    const last: Line = { error: { code, message, hint: hint ?? null } }
    gathered += `${JSON.stringify(last)}\n`
  }
  if (gathered !== "") yield take()
}
