import type { Clock, Hang, PlaceSpec } from "../../catalog/index.js"
import { HttpError } from "../../http/index.js"
import { type BrowseStream, BrowseThread } from "./browse-thread.js"
import type { BrowseRequest } from "./requests.js"

export interface BrowseThreadsParts {
  readonly clock: Clock
  /** How a place is declared now; undefined: not any more. */
  readonly specOf: (place: string) => PlaceSpec | undefined
  /** Whether the store's own thread hangs. */
  readonly hang: (store: string) => Hang | undefined
  readonly log: { warn(fields: object, message: string): void }
}

export interface BrowsePlace {
  readonly place: string
  /** The name of the store that it lies in. */
  readonly store: string
}

/** Repositories that are open at once; those that hang do not count, because a store has few of its own. */
const MOST_THREADS = 8
const MOST_OF_A_STORE = 4
/** Answers that are under way at once. */
const MOST_STREAMS = 32
const MOST_STREAMS_OF_A_PLACE = 8
const IDLE_MS = 180_000
const LOOK_EVERY_MS = 1_000

/**
 * Repositories that somebody browses in: a thread for each, from the first question until nobody has asked for some minutes or the
 * document says something else. A mount that hangs holds up the threads of its own store.
 */
export class BrowseThreads {
  readonly #parts: BrowseThreadsParts
  readonly #threads = new Map<string, BrowseThread>()
  /** Threads that hang, until they end. */
  readonly #closing = new Set<Promise<boolean>>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(parts: BrowseThreadsParts) {
    this.#parts = parts
  }

  /** Asks the thread of a place. Throws HttpError 503 while its store hangs, or too much is under way; 404 when it is declared no more. */
  open({ place, store }: BrowsePlace, request: BrowseRequest): BrowseStream {
    if (this.#stopped) throw new HttpError(503, "stopping", "The daemon stops.")
    const hang = this.hang(store)
    if (hang !== undefined) throw hanging(hang)
    const spec = this.#parts.specOf(place)
    if (spec === undefined) throw new HttpError(404, "not_found", "This repository is not declared any more.")
    const busy = [...this.#threads.values()].reduce((sum, one) => sum + one.busy, 0)
    if (busy >= MOST_STREAMS) throw tooMuch()
    const thread = this.#threadOf(place, store, spec)
    if (thread.busy >= MOST_STREAMS_OF_A_PLACE) throw tooMuch()
    return thread.open(request)
  }

  /** Whether a store does not answer, as far as anybody here waits for it. */
  hang(store: string): Hang | undefined {
    for (const thread of this.#threads.values()) {
      const hang = thread.store === store ? thread.hang() : undefined
      if (hang !== undefined) return hang
    }
    return this.#parts.hang(store)
  }

  /** Ends what is declared otherwise now. */
  redeclared(): void {
    for (const [place, thread] of this.#threads) {
      if (isSame(this.#parts.specOf(place), thread.spec)) continue
      this.#end(place, thread, redeclared())
    }
  }

  /** Ends all. False: one hangs in the kernel and is left behind. */
  async stop(): Promise<boolean> {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const [place, thread] of this.#threads)
      this.#end(place, thread, new HttpError(503, "stopping", "The daemon stops."))
    return (await Promise.all(this.#closing)).every((ended) => ended)
  }

  #threadOf(place: string, store: string, spec: PlaceSpec): BrowseThread {
    const known = this.#threads.get(place)
    if (known !== undefined && isSame(spec, known.spec)) return known
    if (known !== undefined) this.#end(place, known, redeclared())
    this.#makeRoom(store)
    const thread: BrowseThread = new BrowseThread(spec, store, this.#parts.clock, (error) => {
      if (this.#threads.get(place) !== thread) return
      this.#threads.delete(place)
      this.#parts.log.warn({ place, err: error }, "a thread that somebody browsed with ended")
    })
    this.#threads.set(place, thread)
    this.#timer ??= setInterval(() => {
      this.#look()
    }, LOOK_EVERY_MS).unref()
    return thread
  }

  /** Ends the one that is idle the longest where there are too many. Throws HttpError 503 when all are busy. */
  #makeRoom(store: string): void {
    const all = [...this.#threads].filter(([, thread]) => thread.hang() === undefined)
    const ofStore = [...this.#threads].filter(([, thread]) => thread.store === store)
    const crowd = ofStore.length >= MOST_OF_A_STORE ? ofStore : all.length >= MOST_THREADS ? all : undefined
    if (crowd === undefined) return
    const [idlest] = crowd
      .filter(([, { busy }]) => busy === 0)
      .sort(([, one], [, other]) => one.idleSince - other.idleSince)
    if (idlest === undefined) throw tooMuch()
    this.#end(...idlest, new Error("another repository needs its place"))
  }

  #look(): void {
    const now = this.#parts.clock.now().mono
    for (const [place, thread] of this.#threads)
      if (thread.busy === 0 && now - thread.idleSince >= IDLE_MS && thread.hang() === undefined)
        this.#end(place, thread, new Error("nobody asked for long"))
  }

  #end(place: string, thread: BrowseThread, error: Error): void {
    this.#threads.delete(place)
    const closing = thread.close(error)
    this.#closing.add(closing)
    void closing.then((ended) => {
      if (ended) this.#closing.delete(closing)
    })
  }
}

export function hanging({ message, hint }: Hang): HttpError {
  return new HttpError(503, "store_hangs", message, { hint })
}

function redeclared(): HttpError {
  return new HttpError(503, "redeclared", "The declaration of this repository changed.", {
    hint: "Ask again.",
  })
}

function tooMuch(): HttpError {
  return new HttpError(503, "busy", "Too much is being read from snapshots at once.", {
    hint: "Ask again when a download or a search is over.",
  })
}

function isSame(one: PlaceSpec | undefined, other: PlaceSpec): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
