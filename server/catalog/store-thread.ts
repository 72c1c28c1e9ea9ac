import type { CatalogMethods, StoreMethods } from "./messages.js"
import { nextThread } from "./next-thread.js"
import { Pulse } from "./pulse.js"
import { Rpc } from "./rpc.js"
import type { StoreWorkerData } from "./store-worker.js"

/** The catalog's end of one store's thread. */
export interface StoreConnection {
  readonly rpc: Rpc<StoreMethods>
  /** Whether the thread is in a call into the store's filesystem, and since when. */
  readonly pulse: Pick<Pulse, "since">
  /** Ends the thread. False: it hangs in the kernel and is left behind, and Node cannot exit by itself while it does. */
  close(): Promise<boolean>
}

/** How long a thread may take to end before it is left behind. */
const CLOSE_MS = 1_000

/** Starts the thread. `died` hears of its end when nobody asked for it. */
export function startStoreThread(
  data: Omit<StoreWorkerData, "pulse">,
  methods: CatalogMethods,
  died: (error: Error) => void,
): StoreConnection {
  const worker = nextThread()
  const pulse = new Pulse()
  worker.postMessage({ ...data, pulse: pulse.memory } satisfies StoreWorkerData)
  const rpc = new Rpc<StoreMethods>(worker, methods)
  let closing = false
  const end = (error: Error): void => {
    if (closing) return
    closing = true
    rpc.abandon(error)
    died(error)
  }
  worker.on("error", end)
  worker.on("exit", (code) => {
    end(new Error(`the thread that reads a store ended with code ${code}`))
  })
  return {
    rpc,
    pulse,
    async close() {
      closing = true
      rpc.abandon(new Error("the daemon stops"))
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<false>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS, false)
      })
      const ended = await Promise.race([worker.terminate().then(() => true), limit])
      clearTimeout(timer)
      worker.unref()
      return ended
    },
  }
}
