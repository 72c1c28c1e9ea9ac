import type { z } from "zod"
import { StorageError, type StorageErrorCode } from "../../../storage/index.js"
import { type ContentsLine, contentsLine } from "../../http/contract/contents.js"
import { CliError } from "../cli-error.js"
import type { Context } from "../context.js"
import type { Query } from "../daemon-client.js"
import { exitCodeOfStorage, exitCodes } from "../exit-codes.js"

/** After so long somebody at a terminal is told what is waited for. */
const SAY_AFTER_MS = 2_000

/**
 * Asks the daemon for something that begins when the repository's indexes are read; says so meanwhile. Throws CliError.
 */
export async function askContents(
  path: string,
  query: Query,
  { daemon, out }: Context,
  headers?: Readonly<Record<string, string>>,
): Promise<AsyncIterable<Buffer>> {
  const timer = setTimeout(() => {
    if (out.errorTerminal !== undefined) out.status("the daemon reads the repository's indexes …")
  }, SAY_AFTER_MS)
  try {
    return await daemon().stream(path, query, headers)
  } finally {
    clearTimeout(timer)
    out.status("")
  }
}

export interface LineShapes<Row, End> {
  readonly row: z.ZodType<Row>
  readonly end: z.ZodType<End>
  readonly ended: (end: End) => void
  readonly progress?: (figures: Readonly<Record<string, unknown>>) => void
}

/** The rows of an answer in lines. Throws what the daemon says went wrong on the way, and that an answer has no end. */
export async function* rowsOf<Row, End>(
  body: AsyncIterable<Buffer>,
  { row, end, ended, progress }: LineShapes<Row, End>,
): AsyncGenerator<Row> {
  for await (const text of textLines(body)) {
    if (text === "") continue
    const line = parsed(text)
    if ("row" in line) yield shaped(row, line.row)
    else if ("progress" in line) progress?.(line.progress)
    else if ("error" in line) throw toldError(line.error)
    else {
      ended(shaped(end, line.end))
      return
    }
  }
  throw new CliError("broken_off", "the daemon's answer has no end", exitCodes.unclear, {
    hint: "Look at its log, and ask again.",
  })
}

/** The error of a thread, as a command without the daemon would have met it. */
export function toldError({
  code,
  message,
  hint,
}: {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}): Error {
  const more = hint === null ? {} : { hint }
  if (isStorageCode(code)) return new StorageError(code, message, more)
  return new CliError(code, message, exitCodes.unclear, more)
}

function isStorageCode(code: string): code is StorageErrorCode {
  return Object.hasOwn(exitCodeOfStorage, code)
}

async function* textLines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let left: Buffer[] = []
  for await (const chunk of body) {
    let from = 0
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      yield Buffer.concat([...left, chunk.subarray(from, at)]).toString()
      left = []
      from = at + 1
    }
    if (from < chunk.length) left.push(chunk.subarray(from))
  }
}

function parsed(text: string): ContentsLine {
  try {
    return contentsLine.parse(JSON.parse(text))
  } catch (cause) {
    throw otherVersion(cause)
  }
}

/** The very value, in its own order of names: it is printed as it is without the daemon. The shapes change nothing. */
function shaped<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return value as T
  throw otherVersion(result.error)
}

function otherVersion(cause: unknown): CliError {
  return new CliError("other_version", "the daemon answered in another shape", exitCodes.unclear, {
    hint: "Command line and daemon are of different versions: restart the daemon.",
    cause,
  })
}
