import { parentPort, workerData } from "node:worker_threads"
import { StorageError } from "../errors.js"
import { fileCallsIfThere } from "../host/file-calls.js"
import { type ControlMemory, ReaderControl } from "./control.js"
import { lookTwice } from "./look.js"
import type { FromReader, ToReader } from "./messages.js"
import { readFile } from "./read-file.js"
import { rotates } from "./rotates.js"
import { takeInventory } from "./take-inventory.js"

/** Large enough that calls cost nothing, small enough for a processor's cache. */
const READ_LENGTH = 512 * 1024

const port = parentPort
if (port === null) throw new Error("this is the program of a thread")

const control = new ReaderControl(workerData as ControlMemory)
const calls = fileCallsIfThere()
const buffer = Buffer.allocUnsafeSlow(READ_LENGTH)

port.on("message", (message: ToReader) => {
  void answer(message).then((reply) => {
    port.postMessage(reply)
  })
})

async function answer(message: ToReader): Promise<FromReader> {
  if (message.kind === "read") {
    const { root } = message
    const read = (path: string) => readFile(`${root}/${path}`, buffer, control, calls)
    return { kind: "looks", looks: message.errands.map((errand) => lookTwice(errand, read)) }
  }
  try {
    const inventory = await takeInventory(message.request)
    return { kind: "inventory", inventory, rotates: rotates(message.request.root) }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    // Only its plain parts travel between threads.
    const { code, facts, hint } = error
    return { kind: "failure", code, message: error.message, facts, hint }
  }
}
