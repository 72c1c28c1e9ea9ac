import { StorageError } from "../../errors.js"
import { loginRefusals } from "./login-refusals.js"
import { refusalError, refusalOf } from "./refusal.js"

/** The last login that did not end well. */
export interface LoginRecord {
  /** Which account and password it was made with; see DsmAccount. */
  readonly revision: string
  /** Unix milliseconds. */
  readonly at: number
  /** DSM's code; null: what DSM said, if anything, is not known. */
  readonly code: number | null
}

/** Where the record is kept. It has to outlive the process: a daemon that is started again and again must not be locked out. */
export interface LoginMemory {
  read(): LoginRecord | undefined
  write(record: LoginRecord | undefined): void
}

export class VolatileLoginMemory implements LoginMemory {
  #record: LoginRecord | undefined

  read(): LoginRecord | undefined {
    return this.#record
  }

  write(record: LoginRecord | undefined): void {
    this.#record = record
  }
}

/** DSM blocks after as few as 3 failures in 5 minutes; with this between them, there are no more than 2. */
const HOLD_MS = 180_000

/**
 * Decides whether a login may be tried. DSM's Auto Block counts those that fail and then locks the whole address out, so one that
 * was refused is never made again with the same account and password, and one whose outcome is not known not soon.
 */
export class LoginGate {
  readonly #revision: string
  readonly #memory: LoginMemory
  readonly #now: () => number

  constructor(revision: string, memory: LoginMemory, now: () => number) {
    this.#revision = revision
    this.#memory = memory
    this.#now = now
  }

  /** To be called before each login, and after it `passed`, `refused` or `notSent`. Throws StorageError where it must not be made. */
  enter(): void {
    const last = this.#memory.read()
    const now = this.#now()
    if (last?.revision === this.#revision) {
      if (last.code !== null) throw loginError(last.code)
      const waited = now - last.at
      if (waited >= 0 && waited < HOLD_MS) throw heldBack(HOLD_MS - waited)
    }
    // First written, then tried: whenever we are stopped, the try is counted.
    this.#memory.write({ revision: this.#revision, at: now, code: null })
  }

  passed(): void {
    this.#memory.write(undefined)
  }

  /** DSM never got it. */
  notSent(): void {
    this.#memory.write(undefined)
  }

  refused(code: number): StorageError {
    this.#memory.write({ revision: this.#revision, at: this.#now(), code })
    return loginError(code)
  }

  /** A person says that the reason is gone. */
  open(): void {
    this.#memory.write(undefined)
  }
}

function loginError(code: number): StorageError {
  return refusalError("the login", code, refusalOf(code, loginRefusals))
}

function heldBack(milliseconds: number): StorageError {
  return new StorageError("timeout", "DSM did not say whether it takes the login", {
    facts: { waitSeconds: Math.ceil(milliseconds / 1000) },
    hint: "Look whether the NAS is well. Cistern waits for minutes between such logins, because DSM blocks an address after a few that fail.",
  })
}
