import { parentPort, workerData } from "node:worker_threads"
import { DirectoryTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { createOpener } from "../open-contents.js"
import type { OpenerSpec } from "../stored-contents.js"
import type { PackJob } from "./pack-plan.js"
import { readPack } from "./read-pack.js"
import type { WorkerAnswer } from "./reading-threads.js"

// A thread that reads what it is told to. It remembers nothing.
const { directory, opener: spec } = workerData as { readonly directory: string; readonly opener: OpenerSpec }
const files = new DirectoryTree(directory)
const opener = createOpener(spec)

async function answer(job: PackJob): Promise<WorkerAnswer> {
  try {
    return { result: await readPack(files, await opener, job) }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    const { code, message, facts, hint } = error
    return { error: { code, message, facts, hint } }
  }
}

parentPort?.on("message", (job: PackJob) => {
  void answer(job).then((message) => parentPort?.postMessage(message))
})
