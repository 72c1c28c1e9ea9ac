import { setTimeout as pause } from "node:timers/promises"
import { StorageError } from "../../errors.js"
import type { Secret } from "../../secret.js"
import type { DsmAddress } from "./address.js"
import { type DsmCall, nameOf, parseReply } from "./call.js"
import { apiOf, discoveryApi, discoveryCall, discoveryValues, type DsmApi } from "./discovery.js"
import { parseAnswer } from "./envelope.js"
import { type ExchangeLimits, postForm } from "./exchange.js"
import { type Failure, failureError, waitsMs, wantsLogin, wantsPatience } from "./failure.js"
import { encodeForm, type FormValues } from "./form.js"
import { type LoginMemory, VolatileLoginMemory } from "./login-gate.js"
import { Queue } from "./queue.js"
import { type DsmAccount, DsmSession, type Ticket } from "./session.js"

export interface DsmClientOptions {
  readonly address: DsmAddress
  readonly account: DsmAccount
  /** Kept beside the account; without, a login that was refused is tried again by the next process. */
  readonly logins?: LoginMemory
  /** For one exchange, from the connection to the last byte. */
  readonly limitMs?: number
  readonly wait?: (milliseconds: number) => Promise<unknown>
  /** Unix milliseconds. */
  readonly now?: () => number
}

/** For a call that is made aside: how long it may take, how often it gives way, and how long it lets others go on then. */
const ASIDE_MS = 5_000
const MOST_ASIDE = 20
const ASIDE_REST_MS = 250

type Answer = { readonly data: unknown } | Failure

/** Synology DSM's Web API (reference nas-platforms.md §3): one session, one call at a time. */
export class DsmClient {
  readonly #address: DsmAddress
  readonly #limits: ExchangeLimits
  readonly #wait: (milliseconds: number) => Promise<unknown>
  readonly #session: DsmSession
  readonly #queue = new Queue()
  /** All APIs that this DSM has, from its first answer on. */
  #apis: Readonly<Record<string, unknown>> | undefined

  constructor(options: DsmClientOptions) {
    const { address, account, limitMs = 30_000, wait = pause, now = Date.now } = options
    this.#address = address
    this.#limits = { limitMs }
    this.#wait = wait
    this.#session = new DsmSession(
      account,
      (call, values, ticket) => this.#ask(call, values, ticket),
      options.logins ?? new VolatileLoginMemory(),
      now,
    )
  }

  /**
   * Makes one call, after those that were asked for before. A session that is over is replaced once; while DSM is busy, it is
   * asked again for about a minute; not for a call that is made aside. Throws StorageError: `unreadable`, `wrong_password` where DSM refuses, `timeout`, `io`,
   * `corrupt` for an answer that cannot be read, `unsupported` for what this DSM does not have, and what the API's own codes mean.
   */
  call<T>(call: DsmCall<T>, values: FormValues = {}): Promise<T> {
    if (call.aside === true) return this.#callAside(call, values)
    return this.#queue.run(async () => {
      const data = await this.#patiently(call, values)
      if (call.restMs !== undefined) await this.#wait(call.restMs)
      return parseReply(call, data)
    })
  }

  /** Waits as long as before the `tries`th further try of a call. */
  async pause(tries: number): Promise<void> {
    await this.#wait(waitsMs[tries] ?? 0)
  }

  /** A person says that what DSM refused the login for is gone. */
  tryLoginAgain(): void {
    this.#session.gate.open()
  }

  /** Ends the session. The next call begins another one. */
  close(): Promise<void> {
    return this.#queue.run(() => this.#session.close())
  }

  async #callAside<T>(call: DsmCall<T>, values: FormValues): Promise<T> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#queue.runAside((stop) => this.#tryAside(call, values, stop))
      if (answer !== undefined) return parseReply(call, answer.data)
      if (tries === MOST_ASIDE) throw gaveWay(call)
      await this.#wait(ASIDE_REST_MS)
    }
  }

  /** Undefined where it gave way. */
  async #tryAside(
    call: DsmCall<unknown>,
    values: FormValues,
    stop: AbortSignal,
  ): Promise<{ readonly data: unknown } | undefined> {
    try {
      const limits = { limitMs: Math.min(this.#limits.limitMs, ASIDE_MS), stop }
      const answer = await this.#inSession(call, values, limits)
      if ("data" in answer) return answer
      throw failureError(answer, call)
    } catch (error) {
      if (stop.aborted) return undefined
      throw error
    }
  }

  async #patiently(call: DsmCall<unknown>, values: FormValues): Promise<unknown> {
    for (const waitMs of [...waitsMs, undefined]) {
      const answer = await this.#inSession(call, values)
      if ("data" in answer) return answer.data
      if (waitMs === undefined || !wantsPatience(answer, call)) throw failureError(answer, call)
      await this.#wait(waitMs)
    }
    throw new Error("the last try was the one without a wait")
  }

  /** The limits are the call's own: no login is broken off, because DSM counts those that fail. */
  async #inSession(call: DsmCall<unknown>, values: FormValues, limits = this.#limits): Promise<Answer> {
    const failed = await this.#discover()
    if (failed !== undefined) return failed
    const first = await this.#ask(call, values, await this.#session.open(), limits)
    if ("code" in first && first.code === 105) this.#session.forgetIfStale()
    if ("data" in first || !wantsLogin(first, call)) return first
    this.#session.forget()
    return this.#ask(call, values, await this.#session.open(), limits)
  }

  async #discover(): Promise<Failure | undefined> {
    if (this.#apis !== undefined) return undefined
    const answer = await this.#exchange(discoveryApi, discoveryCall, discoveryValues)
    if (!("data" in answer)) return answer
    this.#apis = parseReply(discoveryCall, answer.data)
    return undefined
  }

  async #ask(
    call: DsmCall<unknown>,
    values: FormValues,
    ticket?: Ticket,
    limits = this.#limits,
  ): Promise<Answer> {
    const answer = await this.#exchange(this.#apiOf(call), call, values, ticket, limits)
    if ("code" in answer && answer.code >= 102 && answer.code <= 104) this.#apis = undefined
    return answer
  }

  /** What is not there may come with an update or a package: it is looked for anew the next time. */
  #apiOf(call: DsmCall<unknown>): DsmApi {
    try {
      return apiOf(this.#apis ?? {}, call)
    } catch (error) {
      this.#apis = undefined
      throw error
    }
  }

  async #exchange(
    { path, style }: DsmApi,
    { api, version, method }: DsmCall<unknown>,
    values: FormValues,
    ticket?: Ticket,
    limits = this.#limits,
  ): Promise<Answer> {
    const session: { _sid?: Secret } = ticket === undefined ? {} : { _sid: ticket.sid }
    const form = encodeForm({ api, version, method, ...session }, values, style)
    const { status, body } = await postForm(this.#address, path, form, ticket?.token, limits)
    return status === 200 ? parseAnswer(body) : { status }
  }
}

function gaveWay(call: DsmCall<unknown>): StorageError {
  return new StorageError("unstable", `${nameOf(call)} gave way to calls that matter more`, {
    hint: "Look again later.",
  })
}
