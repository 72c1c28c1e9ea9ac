import { z } from "zod"
import { StorageError } from "../../errors.js"
import { Secret } from "../../secret.js"
import { type DsmCall, parseReply } from "./call.js"
import type { Failure } from "./failure.js"
import type { FormValues } from "./form.js"
import { LoginGate, type LoginMemory } from "./login-gate.js"
import { loginRefusals } from "./login-refusals.js"
import { refusalOf } from "./refusal.js"

/** Whom DSM takes Cistern for. */
export interface DsmAccount {
  readonly name: string
  readonly password: Secret
  /** Another one whenever name or password is given anew: what DSM refused is not tried again under the same one. */
  readonly revision: string
}

/** A session of DSM's. Both are as good as the password. */
export interface Ticket {
  readonly sid: Secret
  readonly token: Secret | undefined
  /** Unix milliseconds. */
  readonly openedAt: number
}

/** Makes one call without a session's help. */
export type Ask = (
  call: DsmCall<unknown>,
  values: FormValues,
  ticket?: Ticket,
) => Promise<{ readonly data: unknown } | Failure>

const ticket = z.looseObject({ sid: z.string().min(1), synotoken: z.string().min(1).optional() })
const loginCall: DsmCall<z.output<typeof ticket>> = {
  api: "SYNO.API.Auth",
  version: 6,
  method: "login",
  reply: ticket,
  refusals: loginRefusals,
}
const logoutCall: DsmCall<unknown> = { ...loginCall, method: "logout", reply: z.unknown() }
const SESSION = "Cistern"
/** After so long a session that is refused things may be a dead one: Synology's own driver has seen that. */
const STALE_MS = 15 * 60_000

/** The one session that all calls share (reference nas-platforms.md §3.2). Not for two callers at once. */
export class DsmSession {
  readonly #account: DsmAccount
  readonly #ask: Ask
  readonly #now: () => number
  readonly gate: LoginGate
  #ticket: Ticket | undefined

  constructor(account: DsmAccount, ask: Ask, memory: LoginMemory, now: () => number) {
    this.#account = account
    this.#ask = ask
    this.#now = now
    this.gate = new LoginGate(account.revision, memory, now)
  }

  /** The one there is, or a new one. Throws StorageError `wrong_password`, `unreadable`, `timeout`, `io`, `corrupt`. */
  async open(): Promise<Ticket> {
    return (this.#ticket ??= await this.#login())
  }

  forget(): void {
    this.#ticket = undefined
  }

  /** Where it is so old that a refusal may be for its age. */
  forgetIfStale(): void {
    if (this.#ticket !== undefined && this.#now() - this.#ticket.openedAt >= STALE_MS) this.forget()
  }

  /** Ends it, as far as DSM listens. */
  async close(): Promise<void> {
    const last = this.#ticket
    this.forget()
    if (last === undefined) return
    try {
      await this.#ask(logoutCall, { session: SESSION }, last)
    } catch {
      // DSM ends it by itself when nobody uses it.
    }
  }

  async #login(): Promise<Ticket> {
    this.gate.enter()
    const answer = await this.#tryLogin()
    if ("data" in answer) {
      const { sid, synotoken } = parseReply(loginCall, answer.data)
      this.gate.passed()
      const token = synotoken === undefined ? undefined : new Secret(synotoken)
      return { sid: new Secret(sid), token, openedAt: this.#now() }
    }
    if ("code" in answer && refusalOf(answer.code, loginRefusals).reaction !== "wait") {
      throw this.gate.refused(answer.code)
    }
    throw new StorageError("timeout", "DSM is too busy for a login", {
      facts: { ...answer },
      hint: "Try again in some minutes.",
    })
  }

  async #tryLogin(): Promise<{ readonly data: unknown } | Failure> {
    const { name, password } = this.#account
    try {
      return await this.#ask(loginCall, {
        account: name,
        passwd: password,
        session: SESSION,
        format: "sid",
        enable_syno_token: "yes",
      })
    } catch (error) {
      if (error instanceof StorageError && error.facts["sent"] === false) this.gate.notSent()
      throw error
    }
  }
}
