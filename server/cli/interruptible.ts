import { CliError } from "./cli-error.js"
import { exitCodes } from "./exit-codes.js"

const SIGNALS = ["SIGINT", "SIGTERM"] as const

export interface Interruptible {
  /** Aborted when somebody presses Ctrl-C or the process is asked to end: what cleans up has time for that. */
  readonly signal: AbortSignal
  /** From now on such a signal ends the process again. */
  end(): void
}

export function interruptible(): Interruptible {
  const controller = new AbortController()
  const stop = (): void => {
    // A second one ends the process at once.
    end()
    controller.abort(new CliError("interrupted", "interrupted", exitCodes.unclear))
  }
  const end = (): void => {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  return { signal: controller.signal, end }
}
