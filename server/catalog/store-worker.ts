import { parentPort } from "node:worker_threads"
import { openBlobCache } from "../db/index.js"
import { Pulse } from "./pulse.js"
import { StoreService } from "./store-service.js"

/** The first message to the thread of one store. All others are calls. */
export interface StoreWorkerData {
  readonly stateDirectory: string
  readonly events: boolean
  /** The memory of the thread's Pulse. */
  readonly pulse: SharedArrayBuffer
}

const port = parentPort
port?.once("message", ({ stateDirectory, events, pulse }: StoreWorkerData) => {
  const cache = openBlobCache(stateDirectory)
  new StoreService(port, { memoryOf: (place) => cache.of(place), events, pulse: new Pulse(pulse) })
})
