import { errorToJson } from "../../catalog/rpc.js"
import type { Breath } from "./breath.js"
import { Credit, MOST_PIECE } from "./credit.js"
import type { FromSender, StreamPort, ToSender } from "./stream-messages.js"

/** What is sent of one answer: first its head, then bytes. */
export type Answering<Request, Head, Note> = (
  request: Request,
  context: { readonly signal: AbortSignal; readonly note: (note: Note) => void },
) => AsyncIterable<Head | Uint8Array>

interface Open {
  readonly credit: Credit
  readonly controller: AbortController
}

/** The answering end of many streams over one port. A stream sends no more than its receiver gave it credit for. */
export class StreamSender<Request, Head extends object, Note> {
  readonly #port: StreamPort
  readonly #answer: Answering<Request, Head, Note>
  readonly #breath: Breath
  readonly #open = new Map<number, Open>()

  constructor(port: StreamPort, answer: Answering<Request, Head, Note>, breath: Breath) {
    this.#port = port
    this.#answer = answer
    this.#breath = breath
    port.on("message", (value) => {
      this.#receive(value as ToSender<Request>)
    })
  }

  #receive(message: ToSender<Request>): void {
    if (message.type === "open") {
      void this.#run(message.id, message.request)
      return
    }
    const open = this.#open.get(message.id)
    if (message.type === "credit") open?.credit.give(message.bytes)
    else {
      open?.controller.abort(new Error("nobody wants the rest"))
      open?.credit.wake()
    }
  }

  async #run(id: number, request: Request): Promise<void> {
    const credit = new Credit()
    const controller = new AbortController()
    const { signal } = controller
    this.#open.set(id, { credit, controller })
    const note = (note: Note): void => {
      if (!signal.aborted) this.#send({ type: "note", id, note })
    }
    try {
      for await (const part of this.#answer(request, { signal, note })) {
        signal.throwIfAborted()
        if (part instanceof Uint8Array) await this.#sendPieces(id, part, credit, signal)
        else this.#send({ type: "head", id, head: part })
      }
      if (!signal.aborted) this.#send({ type: "end", id })
    } catch (error) {
      if (!signal.aborted) this.#send({ type: "error", id, error: errorToJson(error) })
    } finally {
      this.#open.delete(id)
    }
  }

  async #sendPieces(id: number, part: Uint8Array, credit: Credit, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < part.length; at += MOST_PIECE) {
      // Its own memory, so that it can be handed over: what the reader gave may be a part of something that it keeps.
      const bytes = new Uint8Array(part.subarray(at, at + MOST_PIECE))
      await credit.take(bytes.length, signal)
      this.#send({ type: "piece", id, bytes }, [bytes.buffer])
      await this.#breath.take()
    }
  }

  #send(message: FromSender<Head, Note>, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }
}
