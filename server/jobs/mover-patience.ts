import type { JobKind } from "./kind.js"

/** Why a run stands back now, as a phrase; `besideMovers`: movers are no reason. */
export type Reason = (besideMovers: boolean) => string | undefined

/**
 * What a run stands back for. One that changes its subject waits for movers as long as they write, a light one never, and one that only
 * reads so long altogether: in a repository that many movers share one of them always writes, and nothing would ever be proven.
 */
export class MoverPatience {
  readonly #kind: Pick<JobKind, "changing" | "light">
  readonly #reason: Reason
  readonly #limitMs: number
  #waitedMs = 0
  #since: number | undefined

  constructor(kind: Pick<JobKind, "changing" | "light">, reason: Reason, limitMs: number) {
    this.#kind = kind
    this.#reason = reason
    this.#limitMs = limitMs
  }

  why(): string | undefined {
    const { changing, light } = this.#kind
    if (changing) return this.#reason(false)
    if (light === true || this.#waitedMs >= this.#limitMs) return this.#reason(true)
    const why = this.#reason(false)
    const isMover = why !== undefined && this.#reason(true) === undefined
    this.#count(isMover)
    return isMover && this.#waitedMs >= this.#limitMs ? undefined : why
  }

  #count(isMover: boolean): void {
    const now = performance.now()
    if (this.#since !== undefined) this.#waitedMs += now - this.#since
    this.#since = isMover ? now : undefined
  }
}
