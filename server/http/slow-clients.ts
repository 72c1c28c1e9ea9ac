import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

export interface SlowClientLimits {
  readonly takeMs: number
  readonly pending: number
}

interface Client {
  /** Of its newest request. */
  newest: ServerResponse | undefined
  /** An answer that is on its way, and since when, in milliseconds of `performance.now()`. */
  owed: { readonly response: ServerResponse; readonly since: number } | undefined
  /** Its requests whose answer is not known yet. */
  pending: number
}

/**
 * What a client leaves waiting in our memory. While answers wait to be taken, Node reads no more from it, but such a client may
 * stay for ever; and while answers wait to be known, Node reads on and on. Both ends here.
 */
export class SlowClients {
  readonly #limits: SlowClientLimits
  readonly #cut: () => void
  readonly #clients = new Map<Socket, Client>()

  /** `cut` hears of each connection that is ended here. */
  constructor(limits: SlowClientLimits, cut: () => void) {
    this.#limits = limits
    this.#cut = cut
  }

  /** Looks at every connection of the server now and then, as long as it listens. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => {
      this.#clients.set(socket, { newest: undefined, owed: undefined, pending: 0 })
      socket.once("close", () => this.#clients.delete(socket))
    })
    const every = Math.min(1_000, this.#limits.takeMs / 4)
    const timer = setInterval(() => {
      this.#look(performance.now())
    }, every).unref()
    server.once("close", () => {
      clearInterval(timer)
    })
  }

  /** A request came, which this will answer. Called for each. */
  asked(socket: Socket, response: ServerResponse): void {
    const client = this.#clients.get(socket)
    if (client !== undefined) client.newest = response
  }

  /** An answer to this client has to be waited for. With too many of them no more is read from it. */
  begin(socket: Socket): void {
    const client = this.#clients.get(socket)
    if (client === undefined) return
    client.pending++
    if (client.pending < this.#limits.pending) return
    // Node reads on after each request that it parsed, whatever was said meanwhile; what it has read already it parses first.
    process.nextTick(() => {
      if (client.pending >= this.#limits.pending) socket.pause()
    })
  }

  /** It is known now. */
  finish(socket: Socket): void {
    const client = this.#clients.get(socket)
    if (client === undefined) return
    client.pending--
    if (client.pending === this.#limits.pending - 1) socket.resume()
  }

  /** Ends the connections of those who did not take in time what had been answered by then. */
  #look(now: number): void {
    for (const [socket, client] of this.#clients) {
      const { newest, owed } = client
      if (owed !== undefined && !owed.response.writableFinished) {
        if (now - owed.since < this.#limits.takeMs) continue
        this.#cut()
        socket.destroy()
      } else {
        const isOwed = newest !== undefined && newest.writableEnded && !newest.writableFinished
        client.owed = isOwed ? { response: newest, since: now } : undefined
      }
    }
  }
}
