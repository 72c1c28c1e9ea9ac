import { StorageError } from "../../../storage/index.js"
import { type NfsExport, type NfsServer, withoutWithdrawn } from "../../../storage/nfs/index.js"
import { ageOf, type Clock, type Moment } from "../../catalog/index.js"
import type { ExportProblem } from "./declared-exports.js"

interface Refused {
  readonly path: string
  /** As it was asked for: when it is asked for otherwise, it is tried anew. */
  readonly asked: string
  readonly problem: ExportProblem
  readonly at: Moment
  readonly times: number
}

const RETRY_MS = 15_000
const MOST_RETRY_MS = 600_000

/** Exports that the server did not take: they must not keep the others out, and are tried again less and less often. */
export class RefusedExports {
  readonly #clock: Clock
  readonly #refused = new Map<string, Refused>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  forgetAll(): void {
    this.#refused.clear()
  }

  /** The server took these: nothing is held against them any more. */
  taken(exports: readonly NfsExport[]): void {
    for (const one of exports)
      if (this.#refused.get(one.path)?.asked === textOf(one)) this.#refused.delete(one.path)
  }

  problemOf(one: NfsExport): ExportProblem | undefined {
    const known = this.#refused.get(one.path)
    return known?.asked === textOf(one) ? known.problem : undefined
  }

  /** Whether it is too soon to try this one again. */
  isHeld(one: NfsExport): boolean {
    const known = this.#refused.get(one.path)
    if (known?.asked !== textOf(one)) return false
    return ageOf(known.at, this.#clock.now()) < Math.min(RETRY_MS * 2 ** known.times, MOST_RETRY_MS)
  }

  /**
   * Applies what the server takes of `target`, which as a whole it did not, by halves; gives what it does not take. Throws
   * StorageError where it does not even take what it had, and for what is no refusal, such as a server that does not answer.
   */
  async sift(
    target: readonly NfsExport[],
    own: readonly NfsExport[],
    server: Pick<NfsServer, "apply">,
  ): Promise<readonly Refused[]> {
    let taken: readonly NfsExport[] = withoutWithdrawn(own, target)
    await server.apply(taken, { replace: false })
    const refused: Refused[] = []
    const rest = halves(target)
    for (let some = rest.pop(); some !== undefined; some = rest.pop()) {
      const together = overlaid(taken, some)
      try {
        await server.apply(together, { replace: false })
        taken = together
        this.taken(some)
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
        const [one, ...more] = some
        if (one !== undefined && more.length === 0) refused.push(this.#refuse(one, error))
        else rest.push(...halves(some))
      }
    }
    return refused
  }

  #refuse(one: NfsExport, { code, message, hint }: StorageError): Refused {
    const before = this.#refused.get(one.path)
    const asked = textOf(one)
    const refused = {
      path: one.path,
      asked,
      problem: { code, message, hint: hint ?? null },
      at: this.#clock.now(),
      times: before?.asked === asked ? before.times + 1 : 0,
    }
    this.#refused.set(one.path, refused)
    return refused
  }
}

function halves(all: readonly NfsExport[]): NfsExport[][] {
  const middle = all.length >> 1
  return [all.slice(middle), all.slice(0, middle)].filter(({ length }) => length > 0)
}

function overlaid(under: readonly NfsExport[], over: readonly NfsExport[]): NfsExport[] {
  const paths = new Set(over.map(({ path }) => path))
  return [...under.filter(({ path }) => !paths.has(path)), ...over]
}

function textOf(one: NfsExport): string {
  return JSON.stringify(one)
}
