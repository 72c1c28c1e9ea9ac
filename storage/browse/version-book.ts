import type { StorageError } from "../errors.js"
import type { Match, MatchTree } from "./match-tree.js"

/** One content at one path, in snapshots that follow each other; they are told by their numbers. */
export interface Run {
  /** Bytes as characters. */
  readonly path: string
  readonly held: Match | StorageError
  readonly first: number
  readonly last: number
  /** How many of them have it. */
  readonly snapshots: number
}

interface OpenRun {
  readonly path: string
  readonly key: string
  readonly held: Match | StorageError
  readonly first: number
  /** Since when without a gap; undefined while it is in doubt whether it is still there. */
  since: number | undefined
  last: number
  before: number
}

interface Pair {
  readonly before: MatchTree | undefined
  readonly after: MatchTree | undefined
  readonly path: string
}

/**
 * Turns what fits in each snapshot of a source, one after the other, into what was where from when to when. Only what differs from the
 * snapshot before is looked at. What is missing from a snapshot that is incomplete, or below a directory that could not be read,
 * may still be there: it goes on if it is seen again.
 */
export class VersionBook {
  readonly #open = new Map<string, OpenRun>()
  readonly #doubted = new Set<string>()
  readonly #closed: Run[] = []
  #before: MatchTree | undefined
  #number = -1
  #problems = 0

  /** How many runs there are so far. */
  get size(): number {
    return this.#open.size + this.#closed.length
  }

  add(tree: MatchTree, { incomplete }: { readonly incomplete: boolean }): void {
    this.#number++
    const pairs: Pair[] = [{ before: this.#before, after: tree, path: "" }]
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const { before, after, path } = pair
      if (before === after) continue
      this.#note(problemKey(path), path, before?.problem, after?.problem)
      for (const name of namesOf(before?.matches, after?.matches)) {
        const at = below(path, name)
        this.#note(at, at, before?.matches.get(name), after?.matches.get(name))
      }
      for (const name of namesOf(before?.below, after?.below))
        pairs.push({
          before: before?.below.get(name),
          after: after?.below.get(name),
          path: below(path, name),
        })
    }
    this.#before = tree
    this.#problems = tree.problems
    if (!incomplete) this.#settle()
  }

  /** Everything, by path and time. Ends the book. */
  close(): Run[] {
    for (const [key, run] of this.#open) this.#end(key, run, this.#number)
    return this.#closed.sort((a, b) => (a.path === b.path ? a.first - b.first : a.path < b.path ? -1 : 1))
  }

  #note(
    key: string,
    path: string,
    before: Match | StorageError | undefined,
    after: Match | StorageError | undefined,
  ): void {
    if (before === undefined && after === undefined) return
    const known = this.#open.get(key)
    if (after === undefined) {
      if (known?.since === undefined) return
      known.before += this.#number - known.since
      known.last = this.#number - 1
      known.since = undefined
      this.#doubted.add(key)
      return
    }
    const identity = identityOf(after)
    if (known?.key === identity) {
      known.since ??= this.#number
      this.#doubted.delete(key)
      return
    }
    if (known !== undefined) this.#end(key, known, this.#number - 1)
    this.#open.set(key, {
      path,
      key: identity,
      held: after,
      first: this.#number,
      since: this.#number,
      last: this.#number,
      before: 0,
    })
  }

  /** What was not seen in this snapshot, and would have been, is gone. */
  #settle(): void {
    for (const key of this.#doubted) {
      const run = this.#open.get(key)
      if (run !== undefined && !this.#isHidden(run.path)) this.#end(key, run, this.#number - 1)
    }
  }

  /** `seen`: the last snapshot that has it, if it was not in doubt already. */
  #end(key: string, { path, held, first, since, last, before }: OpenRun, seen: number): void {
    this.#open.delete(key)
    this.#doubted.delete(key)
    this.#closed.push({
      path,
      held,
      first,
      last: since === undefined ? last : seen,
      snapshots: before + (since === undefined ? 0 : seen - since + 1),
    })
  }

  /** Whether a directory above could not be read. */
  #isHidden(path: string): boolean {
    if (this.#problems === 0) return false
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (this.#open.get(problemKey(path.slice(0, end)))?.since !== undefined) return true
    }
    return this.#open.get(problemKey(""))?.since !== undefined
  }
}

function namesOf(
  before: ReadonlyMap<string, unknown> | undefined,
  after: ReadonlyMap<string, unknown> | undefined,
): Set<string> {
  return new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`
}

/** No path has a NUL. */
function problemKey(path: string): string {
  return `\0${path}`
}

function identityOf(held: Match | StorageError): string {
  return "key" in held ? held.key : `${held.code} ${held.message}`
}
