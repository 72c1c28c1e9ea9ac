import { setTimeout as delay } from "node:timers/promises"
import type { z } from "zod"
import { StorageError } from "../../errors.js"
import { parseTrueNasAddress, type TrueNasAddress } from "./address.js"
import { Backoff } from "./backoff.js"
import { Connection, type Reply } from "./connection.js"
import { isSignedOut, onlyArm, toStorageError } from "./errors.js"
import { parseFingerprint } from "./fingerprint.js"
import { checkCredentials, type Credentials, logIn } from "./login.js"
import { openSocket } from "./socket.js"
import { type ApiVersion, offeredVersions, pickVersion } from "./versions.js"

export interface TrueNasOptions extends Credentials {
  /** `wss://HOST[:PORT]`; `ws://` only for this machine. */
  readonly url: string
  /** SHA-256 of the certificate; without, it is checked like any other one. */
  readonly fingerprint?: string
  /** Told what an administrator should know and nothing fails by. */
  readonly notice?: (message: string) => void
  readonly times?: Partial<ClientTimes>
}

/** Milliseconds. */
export interface ClientTimes {
  /** For one step of a connection, and for one call that says nothing else. */
  readonly patience: number
  readonly pingEvery: number
  /** After a failure, before the next attempt; more after each further one. */
  readonly firstBackoff: number
  /** A call that would wait longer than this for the next attempt fails with the last failure instead. */
  readonly longestWait: number
}

const TIMES: ClientTimes = { patience: 30_000, pingEvery: 25_000, firstBackoff: 5_000, longestWait: 15_000 }

export interface CallOptions {
  readonly patienceMs?: number
  /** The arm of a union whose complaints count. */
  readonly arm?: string
}

/** What the methods of the API need. */
export interface TrueNasApi {
  version(): Promise<ApiVersion>
  /**
   * Calls a method and gives what it answered, as `schema` reads it: unknown fields are left out, missing ones an error. Throws
   * StorageError `corrupt` for another answer, what toStorageError makes of a refusal, and what keeps a connection from being.
   */
  call<T>(method: string, params: readonly unknown[], schema: z.ZodType<T>, options?: CallOptions): Promise<T>
}

/** The same for calls that nobody waits long for. */
export function withPatience(api: TrueNasApi, patienceMs: number): TrueNasApi {
  return {
    version: () => api.version(),
    call: (method, params, schema, options) => api.call(method, params, schema, { patienceMs, ...options }),
  }
}

/**
 * One lasting connection to a TrueNAS (reference nas-platforms.md §2): opened by the first call, opened anew after it broke, with
 * growing pauses. Credentials that are refused are not tried again by the same client: a login loop would lock the user out.
 */
export class TrueNasClient implements TrueNasApi {
  readonly #address: TrueNasAddress
  readonly #fingerprint: string | undefined
  readonly #options: TrueNasOptions
  readonly #times: ClientTimes
  readonly #backoff: Backoff
  #opening: Promise<Connection> | undefined
  #loggingIn: Promise<StorageError | undefined> | undefined
  #lastFailure: StorageError | undefined
  #refused: StorageError | undefined
  #isClosed = false

  /** Connects nothing yet. Throws StorageError `invalid` for an address, a fingerprint or a key that can be none. */
  constructor(options: TrueNasOptions) {
    this.#address = parseTrueNasAddress(options.url)
    this.#fingerprint = options.fingerprint === undefined ? undefined : parseFingerprint(options.fingerprint)
    checkCredentials(options)
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
    this.#backoff = new Backoff(this.#times.firstBackoff)
  }

  async version(): Promise<ApiVersion> {
    return (await this.#connection()).version
  }

  async call<T>(
    method: string,
    params: readonly unknown[],
    schema: z.ZodType<T>,
    { patienceMs = this.#times.patience, arm }: CallOptions = {},
  ): Promise<T> {
    const reply = await this.#reply(method, params, patienceMs)
    if ("error" in reply) {
      throw toStorageError(method, arm === undefined ? reply.error : onlyArm(reply.error, arm))
    }
    const parsed = schema.safeParse(reply.result)
    if (parsed.success) return parsed.data
    const where = parsed.error.issues[0]?.path.join(".") ?? ""
    throw new StorageError("corrupt", `TrueNAS answers ${method} with something else (${where})`, {
      facts: { method, field: where },
      hint: "Update Cistern: this TrueNAS may be newer than it.",
    })
  }

  /** Calls fail from now on. */
  close(): void {
    this.#isClosed = true
    void this.#opening?.then(
      (connection) => {
        connection.close()
      },
      () => undefined,
    )
  }

  async #reply(method: string, params: readonly unknown[], patienceMs: number): Promise<Reply> {
    const connection = await this.#connection()
    const reply = await connection.request(method, params, patienceMs)
    if (!("error" in reply && isSignedOut(reply.error))) return reply
    // A session lasts 30 days at most. It did not begin what it was asked for, so that may be asked again, once.
    await this.#logInAgain(connection)
    const again = await connection.request(method, params, patienceMs)
    if ("error" in again && isSignedOut(again.error))
      this.#refuse(connection, toStorageError(method, again.error))
    return again
  }

  async #logInAgain(connection: Connection): Promise<void> {
    this.#loggingIn ??= logIn(connection, this.#options, this.#times.patience).finally(() => {
      this.#loggingIn = undefined
    })
    const refused = await this.#loggingIn
    if (refused !== undefined) this.#refuse(connection, refused)
  }

  #refuse(connection: Connection, why: StorageError): never {
    this.#refused = why
    connection.close()
    throw why
  }

  #connection(): Promise<Connection> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<Connection> {
    try {
      if (this.#isClosed) throw new StorageError("io", "the connection to TrueNAS was closed")
      if (this.#refused !== undefined) throw this.#refused
      await this.#turn()
      const connection = await this.#attempt()
      this.#backoff.succeeded()
      connection.onEnd((why) => {
        this.#opening = undefined
        this.#failed(why)
      })
      return connection
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  /** Waits until another attempt may be made. */
  async #turn(): Promise<void> {
    const waitMs = this.#backoff.waitMs(performance.now())
    if (waitMs > this.#times.longestWait && this.#lastFailure !== undefined) throw this.#lastFailure
    if (waitMs > 0) await delay(waitMs)
  }

  async #attempt(): Promise<Connection> {
    const address = this.#address
    const { patience, pingEvery } = this.#times
    let connection: Connection | undefined
    try {
      const socket = () => openSocket(address, this.#fingerprint, patience)
      const version = pickVersion(await offeredVersions(await socket(), address, patience))
      if (version === "current") {
        this.#options.notice?.(
          "TrueNAS offers no version of its API that Cistern was tried with; its newest one is used. Update Cistern.",
        )
      }
      connection = await Connection.open(await socket(), {
        address,
        version,
        patienceMs: patience,
        pingEveryMs: pingEvery,
        redact: (text) => text.replaceAll(this.#options.key.reveal(), "[secret]"),
      })
      const refused = await logIn(connection, this.#options, patience)
      if (refused !== undefined) this.#refuse(connection, refused)
      connection.loggedIn()
      return connection
    } catch (error) {
      connection?.close()
      if (error instanceof StorageError) this.#failed(error)
      throw error
    }
  }

  #failed(why: StorageError): void {
    this.#lastFailure = why
    this.#backoff.failed(performance.now())
  }
}
