import { writeSync, closeSync } from "node:fs"
import { type Command, InvalidArgumentError } from "commander"
import { prepareThread } from "../catalog/next-thread.js"
import { readConfig } from "../config/index.js"
import type { Context } from "./context.js"

const stopSignals = ["SIGTERM", "SIGINT"] as const
const ABORT_AFTER_MS = 500

export function serveCommand(program: Command, context: Context): void {
  program
    .command("serve")
    .description("run the daemon until SIGTERM or SIGINT")
    .option("--ready-fd <n>", "write the address to this file descriptor once it listens", descriptor)
    .action(async ({ readyFd }: { readonly readyFd?: number }) => {
      const config = readConfig(context.environment)
      prepareThread()
      // The daemon's parts are many; no other command should wait for them to load.
      const { startDaemon } = await import("../main.js")
      const stopWanted = untilSignal()
      const daemon = await startDaemon(config)
      if (readyFd !== undefined) {
        writeSync(readyFd, `${daemon.address}\n`)
        closeSync(readyFd)
      }
      await stopWanted
      if (!(await daemon.stop())) endAtOnce()
    })
}

/** Node joins its threads before it exits, and one that waits for a dead file server cannot be joined; the kernel can end it. */
function endAtOnce(): void {
  // By default the signal ends the process, unless it is the first of a container; an abort ends that, too.
  for (const signal of stopSignals) process.removeAllListeners(signal)
  process.kill(process.pid, "SIGTERM")
  setTimeout(() => {
    process.abort()
  }, ABORT_AFTER_MS)
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of stopSignals) {
      process.once(signal, () => {
        resolve()
      })
    }
  })
}

function descriptor(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 3) {
    throw new InvalidArgumentError("A file descriptor from 3 on is wanted.")
  }
  return Number(text)
}
