import { jobPaths, type RunJson, type RunLogJson, runLogJson } from "../../http/contract/jobs.js"
import type { Context } from "../context.js"
import { printable } from "../printable.js"
import { type Progress, progress, type ProgressMode } from "../progress.js"

/** So long the daemon holds a request while nothing comes; progress is shown as often. */
const WAIT_MS = 1_000

export interface FollowOptions {
  /** Until it is over; otherwise only what is there. */
  readonly follow: boolean
  readonly json: boolean
  /** Without the log's lines. */
  readonly silent?: boolean
  readonly mode?: ProgressMode
}

/** Prints a run's log as it grows, with its progress on standard error, and gives the run as it was seen last. */
export async function followLog(run: string, options: FollowOptions, context: Context): Promise<RunJson> {
  const path = `${jobPaths.runs}/${encodeURIComponent(run)}/log`
  const wait = options.follow ? String(WAIT_MS) : undefined
  let shown: Progress | undefined
  let from = 0
  try {
    for (;;) {
      const page = await context.daemon().get(path, runLogJson, { from: String(from), wait })
      const isOver = page.complete || (!options.follow && page.next === from)
      from = page.next
      if (options.silent !== true) for (const line of page.lines) print(line, options.json, context)
      if (isOver) return page.run
      if (options.follow) shown = showProgress(page.run, shown, options, context)
    }
  } finally {
    shown?.end()
  }
}

function print(line: RunLogJson["lines"][number], json: boolean, { out }: Context): void {
  if (json) {
    out.text(JSON.stringify(line))
    return
  }
  const facts = Object.entries(line.facts).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  const level = line.level === "info" ? "" : `${line.level.toUpperCase()} `
  out.text(printable(`${line.time.slice(0, 19).replace("T", " ")}  ${level}${line.message}${facts.join("")}`))
}

function showProgress(
  { job, progress: figures }: RunJson,
  shown: Progress | undefined,
  { mode }: FollowOptions,
  context: Context,
): Progress | undefined {
  if (figures === null) return shown
  const { done, total, unit } = figures
  const known = total === null ? {} : { total }
  const bar =
    shown ?? progress(context, { label: job, unit, ...known, ...(mode === undefined ? {} : { mode }) })
  bar.update(done, total ?? undefined)
  return bar
}
