import { LeaderControl } from "./control.js"
import { errandFor, type FileState, judge, type Verdict } from "./judge.js"
import { type ScrubLedger } from "./ledger.js"
import { Reader } from "./readers.js"
import type { ScrubReport } from "./report.js"
import { batches, selectDue, type Selection } from "./select.js"
import { selectShare, type Share } from "./select-share.js"
import type { StoredFile } from "./stored-file.js"
import type { InventoryRequest } from "./take-inventory.js"
import { Tally } from "./tally.js"

export interface ScrubProgress {
  /** Bytes read so far, and all that are to be read. */
  readonly bytes: number
  readonly totalBytes: number
  readonly files: number
  readonly totalFiles: number
  readonly paused: boolean
}

export interface ScrubOptions extends InventoryRequest {
  /** Where hashes and times are remembered. Without one, what no name proves is `unknown`. */
  readonly ledger?: ScrubLedger
  /** Files that were found right within this time are not read, in milliseconds. Left out: everything is. */
  readonly everyMs?: number
  /** One of many scrubs that together read everything in a time, instead of `everyMs`. */
  readonly share?: Share
  /** How many threads read. Left out: one on a disk that turns, else `processors`. */
  readonly readers?: number
  readonly processors: number
  /** Bytes per second that are read at most. */
  readonly limit?: number
  /** Asked some times a second; while it says true, nothing is read. */
  readonly pause?: () => boolean
  readonly signal?: AbortSignal
  /** Called some times a second, and at the end. */
  readonly onProgress?: (progress: ScrubProgress) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** How long a file that somebody may be writing is left alone before it is judged. */
  readonly settleMs?: number
  /** The program of the reading threads, where it does not lie beside this one. */
  readonly program?: URL
}

/** Files that somebody may be writing, and how they were when they were read. */
type Unsettled = Map<StoredFile, FileState>

const TICK_MS = 100
const SETTLE_MS = 10_000

/**
 * Reads every file of a repository that is due, and compares it with what it must be: its name, a manifest, or what the ledger
 * remembers. Needs no password and writes nothing into the repository. Nothing is called damaged before it was read twice. What was
 * found right is remembered batch by batch, so that a pass that was stopped, in whatever way, goes on where it was. Throws
 * StorageError where there is no repository to read; a failing disk, a prune or an abort under way are in the report.
 */
export async function scrub(options: ScrubOptions): Promise<ScrubReport> {
  return new Scrub(options).run()
}

class Scrub {
  readonly #options: ScrubOptions
  readonly #now: () => number
  readonly #control: LeaderControl
  readonly #readers: Reader[] = []
  #totals = { bytes: 0, files: 0 }

  constructor(options: ScrubOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#control = new LeaderControl(options.limit, performance.now())
  }

  async run(): Promise<ScrubReport> {
    const started = performance.now()
    const { signal } = this.#options
    const stop = () => {
      this.#control.stop()
    }
    signal?.addEventListener("abort", stop)
    if (signal?.aborted === true) stop()
    let tally: Tally | undefined
    const timer = setInterval(() => {
      this.#tick(tally)
    }, TICK_MS)
    try {
      const first = this.#reader()
      const { inventory, rotates } = await first.ask(
        { kind: "inventory", request: this.#request() },
        "inventory",
      )
      tally = new Tally(inventory, this.#options.ledger)
      await this.#readAll(inventory.files, tally, rotates)
      this.#tick(tally)
      return tally.report({
        bytes: this.#control.bytesRead,
        seconds: (performance.now() - started) / 1000,
        aborted: signal?.aborted === true,
      })
    } finally {
      clearInterval(timer)
      signal?.removeEventListener("abort", stop)
      this.#control.stop()
      await Promise.all(this.#readers.map((reader) => reader.close()))
    }
  }

  async #readAll(files: readonly StoredFile[], tally: Tally, rotates: boolean | undefined): Promise<void> {
    const { ledger, processors, readers } = this.#options
    const started = this.#now()
    const { due, skipped } = this.#select(files, started)
    tally.skipped = skipped
    this.#totals = { bytes: due.reduce((sum, { length }) => sum + length, 0), files: due.length }
    if (this.#isPass && ledger?.openPass === undefined) ledger?.beginPass(started)
    const wanted = readers ?? (rotates === true ? 1 : processors)
    while (this.#readers.length < wanted) this.#reader()
    const unsettled = await this.#readThese(due, tally)
    if (unsettled.size > 0 && !this.#control.stopped) {
      await this.#settle()
      // By then a file that was being written is whole, or is still written.
      const files = [...unsettled.keys()]
      for (const file of (await this.#readThese(files, tally, unsettled)).keys())
        tally.unsettled.push(file.path)
    }
    if (this.#isPass && !this.#control.stopped) ledger?.endPass()
  }

  /** Whether everything is read once, from a beginning to an end. */
  get #isPass(): boolean {
    return this.#options.everyMs === undefined && this.#options.share === undefined
  }

  #select(files: readonly StoredFile[], started: number): Selection {
    const { ledger, everyMs, share } = this.#options
    const known = (path: string) => ledger?.known(path)
    if (share !== undefined) return selectShare(files, known, started, share)
    const since = everyMs === undefined ? (ledger?.openPass ?? started) : started - everyMs
    return selectDue(files, known, since)
  }

  /** Hands files out to the readers in order. Gives those that somebody may be writing, as they were. */
  async #readThese(files: readonly StoredFile[], tally: Tally, earlier?: Unsettled): Promise<Unsettled> {
    const unsettled: Unsettled = new Map()
    const queue = batches(files)
    const serve = async (reader: Reader): Promise<void> => {
      for (const batch of queue) {
        if (this.#control.stopped) return
        const verdicts = await this.#readBatch(reader, batch, earlier)
        for (const [at, verdict] of verdicts.entries()) {
          const file = batch[at]
          if (file === undefined) continue
          if (verdict.kind === "unsettled") unsettled.set(file, verdict.as)
          else tally.add(file, verdict)
        }
        tally.saveSometimes()
        if (tally.mustStop) this.#control.stop()
      }
    }
    await Promise.all(this.#readers.map(serve))
    tally.save()
    return unsettled
  }

  async #readBatch(
    reader: Reader,
    batch: readonly StoredFile[],
    earlier: Unsettled | undefined,
  ): Promise<Verdict[]> {
    const { ledger, root } = this.#options
    const records = batch.map(({ path }) => ledger?.known(path))
    const errands = batch.map((file, at) => errandFor(file, records[at]))
    const { looks } = await reader.ask({ kind: "read", root, errands }, "looks")
    const now = this.#now()
    return batch.map((file, at) => {
      const look = looks[at] ?? ({ kind: "stopped" } as const)
      return judge(records[at], look, { now, earlier: earlier?.get(file) })
    })
  }

  async #settle(): Promise<void> {
    const { signal, settleMs = SETTLE_MS } = this.#options
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", done)
        resolve()
      }
      const timer = setTimeout(done, settleMs)
      signal?.addEventListener("abort", done)
    })
  }

  #tick(tally: Tally | undefined): void {
    const paused = this.#options.pause?.() ?? false
    this.#control.pause(paused)
    this.#control.refill(performance.now())
    if (tally === undefined) return
    this.#options.onProgress?.({
      bytes: this.#control.bytesRead,
      totalBytes: this.#totals.bytes,
      files: tally.files,
      totalFiles: this.#totals.files,
      paused,
    })
  }

  #reader(): Reader {
    const reader = new Reader(this.#control.memory, this.#options.program)
    this.#readers.push(reader)
    return reader
  }

  #request(): InventoryRequest {
    const { root, engine, manifest } = this.#options
    return {
      root,
      ...(engine === undefined ? {} : { engine }),
      ...(manifest === undefined ? {} : { manifest }),
    }
  }
}
