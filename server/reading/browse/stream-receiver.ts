import { errorFromJson } from "../../catalog/rpc.js"
import type { FromSender, StreamPort, ToSender } from "./stream-messages.js"

export type StreamItem<Note> =
  | { readonly kind: "piece"; readonly bytes: Uint8Array }
  | { readonly kind: "note"; readonly note: Note }
  | { readonly kind: "end" }

/** One answer, as it comes. */
export interface ReceivedStream<Head, Note> {
  /** Rejects with what went wrong before anything could be answered. */
  readonly head: Promise<Head>
  /** What comes next, in its order. What was given before counts as taken then: more is sent for it. Rejects as the answer fails. */
  next(): Promise<StreamItem<Note>>
  /** Nobody wants the rest: what waits rejects, and nothing more is sent. */
  cancel(reason?: Error): void
}

/** The asking end of many streams over one port. */
export class StreamReceiver<Request, Head, Note> {
  readonly #port: StreamPort
  readonly #streams = new Map<number, Stream<Head, Note>>()
  #nextId = 0
  #gone: Error | undefined

  constructor(port: StreamPort) {
    this.#port = port
    port.on("message", (value) => {
      const message = value as FromSender<Head, Note>
      this.#streams.get(message.id)?.receive(message)
    })
  }

  /** How many answers are under way. */
  get size(): number {
    return this.#streams.size
  }

  /** `ended` hears once that it is over, however. */
  open(request: Request, ended: () => void = () => undefined): ReceivedStream<Head, Note> {
    const id = this.#nextId++
    const stream = new Stream<Head, Note>(
      (bytes) => {
        this.#send({ type: "credit", id, bytes })
      },
      (isCancelled) => {
        this.#streams.delete(id)
        if (isCancelled && this.#gone === undefined) this.#send({ type: "cancel", id })
        ended()
      },
    )
    this.#streams.set(id, stream)
    if (this.#gone === undefined) this.#send({ type: "open", id, request })
    else stream.fail(this.#gone)
    return stream
  }

  /** Fails every answer that is under way, and every later one: the other side is gone. */
  abandon(error: Error): void {
    this.#gone ??= error
    for (const stream of [...this.#streams.values()]) stream.fail(error)
  }

  #send(message: ToSender<Request>): void {
    this.#port.postMessage(message)
  }
}

class Stream<Head, Note> implements ReceivedStream<Head, Note> {
  readonly head: Promise<Head>
  readonly #took: (bytes: number) => void
  readonly #over: (isCancelled: boolean) => void
  readonly #items: StreamItem<Note>[] = []
  #resolveHead!: (head: Head) => void
  #rejectHead!: (error: Error) => void
  #waiting: { resolve: (item: StreamItem<Note>) => void; reject: (error: Error) => void } | undefined
  #error: Error | undefined
  #owed = 0
  #isOver = false

  constructor(took: (bytes: number) => void, over: (isCancelled: boolean) => void) {
    this.#took = took
    this.#over = over
    this.head = new Promise((resolve, reject) => {
      this.#resolveHead = resolve
      this.#rejectHead = reject
    })
    // Whoever waits for it hears of it.
    this.head.catch(() => undefined)
  }

  receive(message: FromSender<Head, Note>): void {
    switch (message.type) {
      case "head":
        this.#resolveHead(message.head)
        return
      case "piece":
        this.#add({ kind: "piece", bytes: message.bytes })
        return
      case "note":
        this.#add({ kind: "note", note: message.note })
        return
      case "end":
        this.#end(false)
        this.#add({ kind: "end" })
        return
      case "error":
        this.#end(false)
        this.#break(errorFromJson(message.error))
    }
  }

  next(): Promise<StreamItem<Note>> {
    if (this.#owed > 0 && !this.#isOver) this.#took(this.#owed)
    this.#owed = 0
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(this.#given(item))
    if (this.#error !== undefined) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  cancel(reason = new Error("nobody wants the rest")): void {
    if (this.#error !== undefined) return
    const wasOver = this.#isOver
    this.#items.length = 0
    if (!wasOver) this.#end(true)
    this.#break(reason)
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#end(false)
    this.#break(error)
  }

  #add(item: StreamItem<Note>): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#items.push(item)
    else waiting.resolve(this.#given(item))
  }

  #given(item: StreamItem<Note>): StreamItem<Note> {
    if (item.kind === "piece") this.#owed = item.bytes.length
    return item
  }

  /** What came before the error is still given. */
  #break(error: Error): void {
    this.#error = error
    this.#rejectHead(error)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }

  #end(isCancelled: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#over(isCancelled)
  }
}
