import { setTimeout as delay } from "node:timers/promises"
import type { z } from "zod"
import { directoryPaths } from "../../http/contract/directories.js"
import { CliError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"

interface Reply<Result> {
  readonly run: { readonly id: string; readonly files: number } | null
  readonly result: Result | null
}

/** What the daemon holds a request for is short; this is only so that a broken one is not asked all the time. */
const PAUSE_MS = 200

/** Asks for work that may take long, and waits for its end. Somebody at a terminal is told how far it is. */
export async function followRun<Result>(
  request: { readonly path: string; readonly body: unknown; readonly schema: z.ZodType<Reply<Result>> },
  what: string,
  context: Context,
): Promise<Result> {
  const { path, body, schema } = request
  const daemon = context.daemon()
  let reply = await daemon.post(path, body, schema)
  while (reply.run !== null) {
    const { files } = reply.run
    if (context.out.interactive)
      context.out.note(files === 0 ? `${what} …` : `${what}: ${files} files so far`)
    await delay(PAUSE_MS)
    reply = await daemon.get(`${directoryPaths.runs}/${reply.run.id}`, schema)
  }
  if (reply.result === null)
    throw new CliError("other_version", "the daemon gave neither a result nor a run", exitCodes.unclear)
  return reply.result
}
