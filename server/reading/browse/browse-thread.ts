import { Worker } from "node:worker_threads"
import { type Clock, type Hang, type PlaceSpec, Pulse } from "../../catalog/index.js"
import { hangOf } from "../../catalog/pulse.js"
import { HttpError } from "../../http/index.js"
import type { BrowseWorkerData } from "./browse-worker.js"
import type { BrowseHead, BrowseNote, BrowseRequest } from "./requests.js"
import { type ReceivedStream, StreamReceiver } from "./stream-receiver.js"

export type BrowseStream = ReceivedStream<BrowseHead, BrowseNote>

/** Memory of the thread's own objects. One that needs more fails, and the daemon does not. */
const HEAP_MB = 768
const YOUNG_GENERATION_MB = 6
/** How long a thread may take to end before it is left behind. */
const CLOSE_MS = 1_000

/** A thread that has one repository open for those who browse in it. */
export class BrowseThread {
  readonly spec: PlaceSpec
  readonly store: string
  /** Milliseconds of the monotonic clock: since when nothing is asked of it. */
  idleSince: number
  readonly #clock: Clock
  readonly #worker: Worker
  readonly #pulse = new Pulse()
  readonly #streams: StreamReceiver<BrowseRequest, BrowseHead, BrowseNote>

  /** `died` hears of its end when nobody asked for it. */
  constructor(spec: PlaceSpec, store: string, clock: Clock, died: (error: Error) => void) {
    this.spec = spec
    this.store = store
    this.#clock = clock
    this.idleSince = clock.now().mono
    this.#worker = new Worker(new URL("./browse-worker.js", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    this.#worker.postMessage({ spec, pulse: this.#pulse.memory } satisfies BrowseWorkerData)
    this.#streams = new StreamReceiver(this.#worker)
    const end = (error: Error): void => {
      this.#streams.abandon(ended(error))
      died(error)
    }
    this.#worker.on("error", end)
    this.#worker.on("exit", (code) => {
      end(new Error(`the thread that browses ${spec.place} ended with code ${code}`))
    })
  }

  get busy(): number {
    return this.#streams.size
  }

  open(request: BrowseRequest): BrowseStream {
    return this.#streams.open(request, () => {
      this.idleSince = this.#clock.now().mono
    })
  }

  /** Whether it waits for a file call that does not come back. */
  hang(): Hang | undefined {
    return hangOf(`store "${this.store}"`, this.#pulse, this.#clock.now())
  }

  /** Ends it; whatever is under way fails with `error`. False: it hangs in the kernel and is left behind. */
  async close(error: Error): Promise<boolean> {
    this.#streams.abandon(error)
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS, false)
    })
    const ended = await Promise.race([this.#worker.terminate().then(() => true), limit])
    clearTimeout(timer)
    this.#worker.unref()
    return ended
  }
}

function ended(cause: Error): HttpError {
  return new HttpError(503, "reader_ended", "The thread that read the repository ended.", {
    hint: "Ask again; the daemon's log tells why.",
    cause,
  })
}
