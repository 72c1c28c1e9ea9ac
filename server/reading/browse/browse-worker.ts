import { parentPort } from "node:worker_threads"
import type { PlaceSpec } from "../../catalog/index.js"
import { Pulse } from "../../catalog/pulse.js"
import { answer } from "./answers.js"
import { OpenPlace } from "./open-place.js"
import type { BrowseHead, BrowseNote, BrowseRequest } from "./requests.js"
import { StreamSender } from "./stream-sender.js"

/** The first message to a browsing thread. All others are of streams. */
export interface BrowseWorkerData {
  readonly spec: PlaceSpec
  /** The memory of the thread's Pulse. */
  readonly pulse: SharedArrayBuffer
}

const port = parentPort
port?.once("message", ({ spec, pulse }: BrowseWorkerData) => {
  const place = new OpenPlace(spec, new Pulse(pulse))
  new StreamSender<BrowseRequest, BrowseHead, BrowseNote>(
    port,
    (request, context) => answer(place, request, context),
    place.breath,
  )
})
