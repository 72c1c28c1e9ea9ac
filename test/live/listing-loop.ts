import { setTimeout as delay } from "node:timers/promises"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { type Engine, openRepository, type Repository, Secret, StorageError } from "../../storage/index.js"

/** One listing that was taken. Times are milliseconds of the monotonic clock. */
export interface Taken {
  readonly begun: number
  readonly finished: number
  readonly ids: ReadonlySet<string>
}

/** One listing that was not taken. */
export interface Refused {
  readonly begun: number
  readonly finished: number
  readonly error: StorageError
}

/** Lists a repository over and over, as a daemon with impatient askers would, and keeps what it saw. */
export class ListingLoop {
  readonly #repository: Repository
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #seen: Taken[] = []
  #refused: Refused[] = []
  #marks: readonly string[] = []
  #goodAt = performance.now()
  #longestWithout = 0
  #count = 0

  private constructor(repository: Repository) {
    this.#repository = repository
    this.#ended = this.#run()
  }

  static async start(directory: string, engine: Engine, password: string): Promise<ListingLoop> {
    const files = new DirectoryTree(directory)
    return new ListingLoop(await openRepository({ files, engine, password: new Secret(password) }))
  }

  /** How many listings were taken since the start. */
  get count(): number {
    return this.#count
  }

  /** The longest time from one good listing's begin to the next one's end. */
  get longestWithoutMs(): number {
    return Math.max(this.#longestWithout, performance.now() - this.#goodAt)
  }

  /** What was seen since the last call. */
  drain(): { taken: Taken[]; refused: Refused[] } {
    const drained = { taken: this.#seen, refused: this.#refused }
    this.#seen = []
    this.#refused = []
    return drained
  }

  /** The next listing that begins after this call and is taken. */
  async next(limitMs: number): Promise<Taken> {
    const asked = performance.now()
    while (performance.now() - asked < limitMs) {
      const found = this.#seen.find(({ begun }) => begun >= asked)
      if (found !== undefined) return found
      await delay(1)
    }
    const last = this.#refused.at(-1)?.error
    throw new Error(
      `no listing was taken for ${limitMs} ms; the last try said: ${last?.message ?? "nothing"}`,
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const begun = performance.now()
      try {
        const { snapshots, marks } = await this.#repository.list({
          previousMarks: this.#marks,
          // Every other one as the daemon lists after file events, which need not tell of anything to be right about names.
          ...(this.#count % 2 === 0 ? {} : { changed: [] }),
        })
        const finished = performance.now()
        this.#marks = marks
        this.#longestWithout = Math.max(this.#longestWithout, finished - this.#goodAt)
        this.#goodAt = begun
        this.#count++
        this.#seen.push({ begun, finished, ids: new Set(snapshots.map(({ id }) => id)) })
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        this.#refused.push({ begun, finished: performance.now(), error })
      }
      // The programs under test share this process' thread for their events.
      await delay(1)
    }
  }
}
