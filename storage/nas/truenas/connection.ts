import type { Socket } from "node:net"
import { StorageError } from "../../errors.js"
import { authorityOf, type TrueNasAddress } from "./address.js"
import { type RpcError, toStorageError } from "./errors.js"
import { parseMessage, renderRequest } from "./json-rpc.js"
import type { ApiVersion } from "./versions.js"

/** TrueNAS runs 10 calls of a connection at once, keeps 10 more waiting and refuses the next (reference nas-platforms.md §2.2). */
const MOST_IN_FLIGHT = 8
/** More than any answer of ours; without a limit, one message could take all memory. */
const MOST_BYTES_RECEIVED = 16 * 1024 * 1024

export interface ConnectionOptions {
  readonly address: TrueNasAddress
  readonly version: ApiVersion
  readonly patienceMs: number
  /** The proxy in front of TrueNAS closes connections that are silent. */
  readonly pingEveryMs: number
  /** Takes out of what the server says what must not be repeated. */
  readonly redact: (text: string) => string
}

export type Reply = { readonly result: unknown } | { readonly error: RpcError }

interface Waiting {
  readonly settle: (reply: Reply) => void
  readonly fail: (error: StorageError) => void
}

/** What a connection needs of `ws`. */
interface Wire {
  send(text: string): void
  close(): void
  terminate(): void
}

/** One WebSocket to TrueNAS, from its opening to its end. Requests wait for their turn, and none outlives it. */
export class Connection {
  readonly #wire: Wire
  readonly #options: ConnectionOptions
  readonly #waiting = new Map<number, Waiting>()
  /** Requests whose callers have given up, and whose answers have not come. */
  readonly #late = new Set<number>()
  readonly #queue: (() => void)[] = []
  readonly #pings: NodeJS.Timeout
  #nextId = 1
  #isKnown = false
  #ended: StorageError | undefined
  #onEnd: ((why: StorageError) => void) | undefined

  /** Over a socket that is open and known to be TrueNAS'. Throws StorageError `io`, `timeout`, `unreadable`. */
  static async open(socket: Socket, options: ConnectionOptions): Promise<Connection> {
    // Few daemons talk to a TrueNAS.
    const { WebSocket } = await import("ws")
    const { address, version, patienceMs, redact } = options
    const scheme = address.secure ? "wss" : "ws"
    const ws = new WebSocket(`${scheme}://${authorityOf(address)}/api/${version}`, {
      createConnection: () => socket,
      handshakeTimeout: patienceMs,
      maxPayload: MOST_BYTES_RECEIVED,
      perMessageDeflate: false,
      followRedirects: false,
    })
    await new Promise<void>((resolve, reject) => {
      ws.once("open", resolve)
      ws.once("unexpected-response", (_, { statusCode = 0 }) => {
        reject(notOpened(options, `HTTP status ${statusCode}`))
        ws.terminate()
      })
      ws.on("error", () => {
        reject(notOpened(options, "no WebSocket"))
      })
      ws.once("close", () => {
        reject(notOpened(options, "it hung up"))
      })
    })
    const connection = new Connection(ws, options)
    ws.on("message", (data, isBinary) => {
      connection.#receive(isBinary || !Buffer.isBuffer(data) ? undefined : redact(data.toString("utf8")))
    })
    ws.on("close", (code) => {
      connection.#end(closed(address, code))
    })
    if (ws.readyState !== ws.OPEN) connection.#end(closed(address, 1006))
    return connection
  }

  private constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire
    this.#options = options
    this.#pings = setInterval(() => {
      this.#ping()
    }, options.pingEveryMs)
    this.#pings.unref()
  }

  get version(): ApiVersion {
    return this.#options.version
  }

  /** Told once; at once where it is over already. */
  onEnd(tell: (why: StorageError) => void): void {
    if (this.#ended !== undefined) tell(this.#ended)
    else this.#onEnd = tell
  }

  /** TrueNAS reads longer messages from whom it knows. */
  loggedIn(): void {
    this.#isKnown = true
  }

  /** Throws StorageError `timeout`, what ended the connection, and `invalid` for a request that is too long. */
  async request(method: string, params: readonly unknown[], patienceMs: number): Promise<Reply> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#nextId++
    const text = renderRequest(id, method, params, this.#isKnown ? "known" : "anonymous")
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // What nobody waits for any more is not begun.
        const place = this.#queue.indexOf(start)
        if (place >= 0) this.#queue.splice(place, 1)
        else this.#late.add(id)
        reject(
          new StorageError("timeout", `TrueNAS did not answer ${method} within ${patienceMs / 1000} s`, {
            facts: { method },
            hint: "It may still do it. Look again when it answers.",
          }),
        )
        // Every turn is taken by an answer that may never come.
        if (this.#late.size >= MOST_IN_FLIGHT) this.#end(gone())
      }, patienceMs)
      const start = (): void => {
        // The turn is kept until the answer comes, however late: the server is still at it.
        this.#waiting.set(id, {
          settle: (reply) => {
            clearTimeout(timer)
            resolve(reply)
          },
          fail: (error) => {
            clearTimeout(timer)
            reject(error)
          },
        })
        if (this.#ended !== undefined) this.#fail(this.#ended)
        else this.#wire.send(text)
      }
      if (method === PING || this.#waiting.size < MOST_IN_FLIGHT) start()
      else this.#queue.push(start)
    })
  }

  close(): void {
    this.#wire.close()
    this.#end(new StorageError("io", "the connection to TrueNAS was closed"))
  }

  #receive(text: string | undefined): void {
    try {
      if (text === undefined) throw notText()
      const message = parseMessage(text)
      if (message.kind === "notification") return
      if (message.kind === "objection") throw toStorageError("a request", message.error)
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      this.#late.delete(message.id)
      waiting?.settle(message.kind === "result" ? { result: message.result } : { error: message.error })
      this.#queue.shift()?.()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.#end(error)
    }
  }

  #ping(): void {
    this.request(PING, [], this.#options.patienceMs).catch(() => {
      this.#end(gone())
    })
  }

  #end(why: StorageError): void {
    if (this.#ended !== undefined) return
    this.#ended = why
    clearInterval(this.#pings)
    this.#wire.terminate()
    this.#fail(why)
    this.#onEnd?.(why)
  }

  #fail(why: StorageError): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const one of waiting) one.fail(why)
    // Each of these finds that it is over.
    for (const start of this.#queue.splice(0)) start()
  }
}

const PING = "core.ping"

function gone(): StorageError {
  return new StorageError("io", "TrueNAS does not answer any more", {
    hint: "Check that it is up and its web interface answers.",
  })
}

function notText(): StorageError {
  return new StorageError("corrupt", "what TrueNAS says is no text", {
    hint: "Check that it is TrueNAS that answers there.",
  })
}

function notOpened({ address, version }: ConnectionOptions, what: string): StorageError {
  return new StorageError("io", `${authorityOf(address)} opens no session at /api/${version} (${what})`, {
    hint: "Check that TrueNAS has started, and that nothing between it and this machine refuses WebSockets.",
  })
}

/** By the codes of RFC 6455 §7.4.1 that TrueNAS gives (reference nas-platforms.md §2.2). */
function closed(address: TrueNasAddress, code: number): StorageError {
  const where = authorityOf(address)
  const facts = { code }
  if (code === 1008) {
    return new StorageError("unreadable", `${where} does not let this machine in`, {
      facts,
      hint: "Add this machine's address to TrueNAS' System, General Settings, Allowed IP Addresses.",
    })
  }
  if (code === 1007 || code === 1009) {
    return new StorageError("invalid", `${where} hung up at a request that it finds too long`, { facts })
  }
  return new StorageError("io", `the connection to ${where} broke (close code ${code})`, {
    facts,
    hint: "Check that TrueNAS is up. It is tried again after a few seconds.",
  })
}
