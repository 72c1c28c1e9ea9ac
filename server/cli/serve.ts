import { writeSync, closeSync } from "node:fs"
import { type Command, InvalidArgumentError } from "commander"
import { readConfig } from "../config/index.js"
import type { Context } from "./context.js"

export function serveCommand(program: Command, context: Context): void {
  program
    .command("serve")
    .description("run the daemon until SIGTERM or SIGINT")
    .option("--ready-fd <n>", "write the address to this file descriptor once it listens", descriptor)
    .action(async ({ readyFd }: { readonly readyFd?: number }) => {
      const config = readConfig(context.environment)
      // The daemon's parts are many; no other command should wait for them to load.
      const { startDaemon } = await import("../main.js")
      const stopWanted = untilSignal()
      const daemon = await startDaemon(config)
      if (readyFd !== undefined) {
        writeSync(readyFd, `${daemon.address}\n`)
        closeSync(readyFd)
      }
      await stopWanted
      await daemon.stop()
    })
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
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
