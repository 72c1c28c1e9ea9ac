import { parentPort, workerData } from "node:worker_threads"
import { openBlobCache } from "../db/index.js"
import { StoreService } from "./store-service.js"

/** What the thread of one store is given at its start. */
export interface StoreWorkerData {
  readonly stateDirectory: string
  readonly events: boolean
}

if (parentPort !== null) {
  const { stateDirectory, events } = workerData as StoreWorkerData
  const cache = openBlobCache(stateDirectory)
  new StoreService(parentPort, { memoryOf: (place) => cache.of(place), events })
}
