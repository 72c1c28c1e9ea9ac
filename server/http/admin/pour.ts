import type { ServerResponse } from "node:http"
import type { BrowseStream } from "../../reading/browse/index.js"

/** A client that takes nothing for so long does not want it. */
const STALLED_MS = 120_000
/** While nothing comes, whoever waits is told so often that it goes on. */
const ALIVE_MS = 5_000
const LOOK_MS = 1_000

/** How items of a stream become bytes of an answer. */
export interface Writing {
  readonly piece: (bytes: Uint8Array) => readonly Uint8Array[]
  readonly note: (
    note: Extract<Awaited<ReturnType<BrowseStream["next"]>>, { kind: "note" }>["note"],
  ) => readonly Uint8Array[]
  /** Undefined where nothing may stand between the pieces. */
  readonly alive: Uint8Array | undefined
  /** What ends a whole answer. */
  readonly end: Uint8Array | undefined
  /** What ends one that failed; undefined: the connection is to end before its time, so that nobody takes it for whole. */
  readonly failed: ((error: unknown) => Uint8Array) | undefined
}

export interface PourOptions {
  /** Throws where the thread that answers hangs. */
  readonly check: () => void
  readonly failed: (error: unknown) => void
}

/**
 * Hands a stream to a client as fast as it takes it, and no faster: what is not taken is not read. Ends the stream when the client
 * goes, and the client's connection when the stream fails. Never rejects.
 */
export async function pour(
  stream: BrowseStream,
  response: ServerResponse,
  writing: Writing,
  { check, failed }: PourOptions,
): Promise<void> {
  response.once("close", () => {
    stream.cancel()
  })
  let quiet = performance.now()
  const timer = setInterval(() => {
    try {
      check()
      if (writing.alive === undefined || performance.now() - quiet < ALIVE_MS) return
      quiet = performance.now()
      if (!response.writableNeedDrain) response.write(writing.alive)
    } catch (error) {
      stream.cancel(error as Error)
    }
  }, LOOK_MS)
  try {
    for (;;) {
      const item = await stream.next()
      if (item.kind === "end") break
      quiet = performance.now()
      for (const bytes of item.kind === "piece" ? writing.piece(item.bytes) : writing.note(item.note))
        if (!response.write(bytes)) await drained(response)
      if (response.destroyed) return
    }
    response.end(writing.end)
  } catch (error) {
    if (response.destroyed) return
    failed(error)
    if (writing.failed === undefined) response.destroy()
    else response.end(writing.failed(error))
  } finally {
    clearInterval(timer)
  }
}

/** Until the client took what it was given, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), STALLED_MS)
    const over = (): void => {
      clearTimeout(timer)
      response.off("drain", over)
      response.off("close", over)
      resolve()
    }
    response.on("drain", over)
    response.on("close", over)
    if (response.destroyed) over()
  })
}
