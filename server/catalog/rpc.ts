import { StorageError, type StorageErrorCode } from "../../storage/index.js"

/** What a MessagePort and a Worker have in common. */
export interface Port {
  postMessage(value: unknown): void
  on(event: "message", listener: (value: unknown) => void): unknown
}

/** An error as it crosses a thread: structured clone would drop a StorageError's code and hint. */
export interface ErrorJson {
  readonly code: StorageErrorCode | "internal"
  readonly message: string
  readonly hint: string | undefined
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

export function errorToJson(error: unknown): ErrorJson {
  if (error instanceof StorageError) {
    const { code, message, hint, facts } = error
    return { code, message, hint, facts }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: "internal", message: stack, hint: undefined, facts: {} }
}

export function errorFromJson({ code, message, hint, facts }: ErrorJson): Error {
  if (code === "internal") return new Error(message)
  return new StorageError(code, message, { facts, ...(hint === undefined ? {} : { hint }) })
}

export type Methods = Readonly<Record<string, (argument: never) => unknown>>

type Message =
  | { readonly type: "call"; readonly id: number; readonly method: string; readonly argument: unknown }
  | { readonly type: "return"; readonly id: number; readonly value: unknown }
  | { readonly type: "throw"; readonly id: number; readonly error: ErrorJson }

/** Calls in both directions over one port. `Theirs` are the other side's methods, each with one argument. */
export class Rpc<Theirs extends Methods> {
  readonly #port: Port
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #nextId = 0
  #gone: Error | undefined

  constructor(port: Port, ours: Methods) {
    this.#port = port
    port.on("message", (value) => {
      this.#receive(value as Message, ours)
    })
  }

  call<Name extends keyof Theirs & string>(
    method: Name,
    argument: Parameters<Theirs[Name]>[0],
  ): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#send({ type: "call", id, method, argument })
    })
  }

  /** Fails every call that has no answer yet, and every later one: the other side is gone. */
  abandon(error: Error): void {
    this.#gone ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #receive(message: Message, ours: Methods): void {
    if (message.type === "call") {
      void this.#answer(message.id, ours[message.method], message.argument)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.type === "return") waiting?.resolve(message.value)
    else waiting?.reject(errorFromJson(message.error))
  }

  async #answer(
    id: number,
    method: ((argument: never) => unknown) | undefined,
    argument: unknown,
  ): Promise<void> {
    try {
      if (method === undefined) throw new Error("no such method")
      this.#send({ type: "return", id, value: await method(argument as never) })
    } catch (error) {
      this.#send({ type: "throw", id, error: errorToJson(error) })
    }
  }

  #send(message: Message): void {
    this.#port.postMessage(message)
  }
}
