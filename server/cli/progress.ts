import { type Command, Option } from "commander"
import type { Context } from "./context.js"
import { progressBar, type ProgressFigures, progressJson } from "./progress-figures.js"
import { RecentRate } from "./recent-rate.js"

const modes = ["auto", "bar", "json", "none"] as const
export type ProgressMode = (typeof modes)[number]

export interface ProgressOptions {
  readonly progress?: ProgressMode
}

export interface ProgressWork {
  /** What is being done, in one or two words: "scrub". */
  readonly label: string
  /** "bytes", or what is counted: "snapshots". */
  readonly unit: string
  /** In the unit. Left out while nobody knows; `update` can say it later. */
  readonly total?: number
  /** As `--progress` asks; "auto" otherwise. */
  readonly mode?: ProgressMode
}

export interface Progress {
  /** How much is done since the beginning. Cheap: may be called for every piece. */
  update(done: number, total?: number): void
  /** Takes the bar away, or writes the last line. Also after a failure; a second call does nothing. */
  end(): void
}

const BAR_MS = 200
const LINE_MS = 5000
const USUAL_WIDTH = 80

/** Adds `--progress`, for commands that may take long. */
export function withProgress(command: Command): Command {
  return command.addOption(
    new Option("--progress <how>", "how far it is, on standard error: a bar on a terminal, else JSON lines")
      .choices(modes)
      .default("auto"),
  )
}

/** Shows on standard error how far long work is: a bar on a terminal, a line of JSON every few seconds otherwise. */
export function progress({ out }: Context, work: ProgressWork, now = () => performance.now()): Progress {
  const { label, unit, mode = "auto" } = work
  const shown = mode === "auto" ? (out.errorTerminal === undefined ? "json" : "bar") : mode
  const rate = new RecentRate(now())
  let total = work.total
  let done = 0
  let last = now()
  let ended = false
  const figures = (): ProgressFigures => {
    const perSecond = rate.perSecond
    const left =
      total === undefined || perSecond === undefined ? undefined : Math.max(0, total - done) / perSecond
    return { done, total, unit, rate: perSecond, secondsLeft: left }
  }
  return {
    update(newDone, newTotal) {
      done = newDone
      total = newTotal ?? total
      const time = now()
      if (ended || time - last < (shown === "bar" ? BAR_MS : LINE_MS)) return
      last = time
      rate.add(done, time)
      if (shown === "bar")
        out.status(progressBar(label, figures(), (out.errorTerminal?.columns ?? USUAL_WIDTH) - 1))
      if (shown === "json") out.note(progressJson(label, figures()))
    },
    end() {
      if (ended) return
      ended = true
      rate.add(done, now())
      if (shown === "bar") out.status("")
      if (shown === "json") out.note(progressJson(label, figures()))
    },
  }
}
