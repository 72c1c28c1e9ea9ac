import { parentPort } from "node:worker_threads"
import { openBlobCache } from "../db/index.js"
import { StoreService } from "./store-service.js"

/** The first message to the thread of one store. All others are calls. */
export interface StoreWorkerData {
  readonly stateDirectory: string
  readonly events: boolean
}

const port = parentPort
port?.once("message", ({ stateDirectory, events }: StoreWorkerData) => {
  const cache = openBlobCache(stateDirectory)
  new StoreService(port, { memoryOf: (place) => cache.of(place), events })
})
