import { Worker } from "node:worker_threads"

// This file imports nothing of ours, so that a thread can be started before anything else is loaded.

/** A listing makes many objects that live for a moment. V8 would set aside three times as much, for each store. */
const YOUNG_GENERATION_MB = 6

let prepared: Worker | undefined

/** Starts the thread of a store that is not known yet: its modules load while the daemon's own do. */
export function prepareThread(): void {
  const worker = newWorker()
  // A daemon that does not start, or has no store, is not held up by it.
  worker.unref()
  worker.once("error", () => {
    if (prepared === worker) prepared = undefined
  })
  prepared = worker
}

/** A thread that waits for its StoreWorkerData. */
export function nextThread(): Worker {
  const worker = prepared ?? newWorker()
  prepared = undefined
  worker.ref()
  return worker
}

function newWorker(): Worker {
  return new Worker(new URL("./store-worker.js", import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  })
}
