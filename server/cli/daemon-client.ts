import { type IncomingMessage, request } from "node:http"
import type { z } from "zod"
import { errnoOf } from "../../storage/errno.js"
import { errorJson } from "../http/contract/admin.js"
import { CliError } from "./cli-error.js"
import { exitCodeOfStatus, exitCodes } from "./exit-codes.js"

export interface DaemonReply {
  readonly status: number
  readonly body: unknown
}

export interface Query {
  readonly [name: string]: string | undefined
}

/** A listing may have to be made anew before the answer. */
const patienceMs = 60_000

/** No answer can be this long; a broken daemon must not fill the memory. */
const longestAnswer = 1024 * 1024 * 1024

/** Talks to the daemon over its admin socket. */
export class DaemonClient {
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  /** The parsed answer. Throws CliError with the daemon's own message when it refused. */
  async get<T>(path: string, schema: z.ZodType<T>, query: Query = {}): Promise<T> {
    return accepted(await this.send("GET", withQuery(path, query)), schema)
  }

  async post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return accepted(await this.send("POST", path, body), schema)
  }

  /** Any answer, whatever its status. Throws CliError `no_daemon` when nobody answers. */
  async send(method: "GET" | "POST", path: string, body?: unknown): Promise<DaemonReply> {
    const { status, bytes } = await this.#exchange(method, path, body)
    return { status, body: parsedBody(bytes) }
  }

  /**
   * An answer as it comes, of which there may be very much: it is read no faster than it is taken. Throws CliError as `get` does; a
   * connection that breaks off makes the body throw `broken_off`.
   */
  async stream(
    path: string,
    query: Query,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<AsyncIterable<Buffer>> {
    const incoming = await this.#begin(withQuery(path, query), headers)
    const status = incoming.statusCode ?? 0
    if (status >= 200 && status < 300) return bodyOf(incoming)
    const chunks: Buffer[] = []
    for await (const chunk of bodyOf(incoming)) chunks.push(chunk)
    throw refusal({ status, body: parsedBody(Buffer.concat(chunks)) })
  }

  #begin(path: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath: this.#socket,
        path,
        agent: false,
        headers,
        timeout: patienceMs,
      })
      outgoing.on("error", (cause) => {
        reject(cause instanceof CliError ? cause : this.#unreachable(cause))
      })
      outgoing.on("timeout", () => outgoing.destroy(silent()))
      outgoing.on("response", (incoming) => {
        // From here on the one who reads may take its time, and the daemon says every few seconds that it goes on.
        outgoing.setTimeout(0)
        resolve(incoming)
      })
      outgoing.end()
    })
  }

  #exchange(method: string, path: string, body: unknown): Promise<{ status: number; bytes: Buffer }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const outgoing = request({
        socketPath: this.#socket,
        method,
        path,
        // A connection that is kept may be closed by the daemon in the very moment in which it is used again.
        agent: false,
        headers: payload === undefined ? {} : { "content-type": "application/json" },
        timeout: patienceMs,
      })
      outgoing.on("error", (cause) => {
        reject(cause instanceof CliError ? cause : this.#unreachable(cause))
      })
      outgoing.on("timeout", () => outgoing.destroy(silent()))
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = []
        let length = 0
        incoming.on("error", (cause) => {
          reject(this.#unreachable(cause))
        })
        incoming.on("data", (chunk: Buffer) => {
          length += chunk.length
          if (length > longestAnswer) outgoing.destroy(silent())
          chunks.push(chunk)
        })
        incoming.on("end", () => {
          resolve({ status: incoming.statusCode ?? 0, bytes: Buffer.concat(chunks) })
        })
      })
      outgoing.end(payload)
    })
  }

  #unreachable(cause: Error): CliError {
    const errno = errnoOf(cause)
    if (errno === "EACCES" || errno === "EPERM") {
      return new CliError(
        "denied",
        `the daemon's socket ${this.#socket} may not be opened`,
        exitCodes.unclear,
        {
          hint: "Run this as the daemon's user.",
          cause,
        },
      )
    }
    return new CliError("no_daemon", `no daemon answers at ${this.#socket}`, exitCodes.unclear, {
      hint: "Start it with `cistern serve`, or say where its state is with CISTERN_STATE.",
      cause,
    })
  }
}

async function* bodyOf(incoming: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer
  } catch (cause) {
    throw new CliError("broken_off", "the daemon's answer broke off", exitCodes.unclear, {
      hint: "Look at its log, and ask again.",
      cause,
    })
  }
}

function silent(): CliError {
  return new CliError("timeout", "the daemon did not answer in time", exitCodes.unclear, {
    hint: "Look at its log; `cistern doctor` may tell more.",
  })
}

/** Whether the error says that no daemon is there, rather than that one refused. */
export function isNoDaemon(error: unknown): boolean {
  return error instanceof CliError && error.code === "no_daemon"
}

function accepted<T>(reply: DaemonReply, schema: z.ZodType<T>): T {
  if (reply.status < 200 || reply.status > 299) throw refusal(reply)
  return expected(reply, schema)
}

/** The body in the shape that the contract says. */
export function expected<T>(reply: DaemonReply, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(reply.body)
  if (parsed.success) return parsed.data
  const { status } = reply
  throw new CliError(
    "other_version",
    `the daemon answered in another shape (status ${status})`,
    exitCodes.unclear,
    {
      hint: "Command line and daemon are of different versions: restart the daemon.",
      cause: parsed.error,
    },
  )
}

/** What the daemon said when it refused. */
export function refusal(reply: DaemonReply): CliError {
  const { code, message, hint } = expected(reply, errorJson)
  return new CliError(code, message, exitCodeOfStatus(reply.status), hint === null ? {} : { hint })
}

function withQuery(path: string, query: Query): string {
  const said = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) said.set(name, value)
  return said.size === 0 ? path : `${path}?${said.toString()}`
}

function parsedBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch (cause) {
    throw new CliError("other_version", "the daemon's answer is not JSON", exitCodes.unclear, { cause })
  }
}
