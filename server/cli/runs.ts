import { type Command, Option } from "commander"
import {
  jobOutcome,
  jobPaths,
  type RunJson,
  runJson,
  runsJson,
  runsStartedJson,
  type StartRunRequest,
} from "../http/contract/jobs.js"
import { usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { exitCodes } from "./exit-codes.js"
import { formatTime } from "./figures.js"
import { followLog } from "./jobs/follow-log.js"
import { exitCodeOf, stateText, subjectName } from "./jobs/run-text.js"
import { type ProgressMode, withProgress } from "./progress.js"
import type { Column } from "./table.js"

const columns: readonly Column<RunJson>[] = [
  { title: "RUN", of: ({ id }) => id },
  { title: "JOB", of: ({ job }) => job },
  { title: "SUBJECT", of: ({ subject }) => subjectName(subject) },
  { title: "BEGAN (UTC)", of: ({ startedAt }) => formatTime(startedAt) },
  { title: "ENDED (UTC)", of: ({ endedAt }) => formatTime(endedAt) },
  { title: "BY", of: ({ cause, by }) => (cause === "person" ? (by ?? "somebody") : cause) },
  { title: "STATE", of: stateText },
]

interface RunsOptions {
  readonly job?: string
  readonly repository?: string
  readonly store?: string
  readonly outcome?: string
  readonly before?: string
  readonly limit: string
  readonly json?: boolean
}

export function runsCommand(program: Command, context: Context): void {
  program
    .command("runs")
    .argument("[run]", "show this one")
    .description("list runs of jobs, the newest first, or show one")
    .option("--job <name>", "only of this kind")
    .option("--repository <name>", "only on this repository")
    .option("--store <name>", "only in this store")
    .addOption(new Option("--outcome <word>", "only with this outcome").choices(jobOutcome.options))
    .option("--before <run>", "only older ones than this")
    .option("--limit <n>", "at most so many", "50")
    .option("--json", "print JSON")
    .action(async (run: string | undefined, { json, ...query }: RunsOptions) => {
      if (run !== undefined) {
        const answer = await context.daemon().get(pathOf(run), runJson)
        if (json === true) context.out.json(answer)
        else context.out.table([answer], columns, "")
        return
      }
      const answer = await context.daemon().get(jobPaths.runs, runsJson, { ...query })
      if (json === true) context.out.json(answer)
      else context.out.table(answer.runs, columns, "No job has run.")
      if (answer.next !== null && json !== true) {
        context.out.note(`Older ones: --before ${answer.next}`)
      }
    })
}

export function logsCommand(program: Command, context: Context): void {
  withProgress(program.command("logs"))
    .argument("<run>")
    .description("print the log of a run; with --follow, end as the run ends")
    .option("-f, --follow", "go on until it is over")
    .option("--json", "print its lines as JSON")
    .action(async (run: string, { follow, json, progress: mode }: FollowedOptions & { follow?: boolean }) => {
      const seen = await followLog(
        run,
        { follow: follow === true, json: json === true, ...modeOf(mode) },
        context,
      )
      if (follow === true) context.exitWith(exitCodeOf(seen))
    })
}

export function cancelCommand(program: Command, context: Context): void {
  program
    .command("cancel")
    .argument("<run>")
    .description("tell a run to end; what it did stays, and one that can goes on from there the next time")
    .option("--json", "print JSON")
    .action(async (run: string, { json }: { json?: boolean }) => {
      const answer = await context.daemon().post(`${pathOf(run)}/cancel`, {}, runJson)
      if (json === true) context.out.json(answer)
      else context.out.text(answer.outcome === null ? `run ${answer.id} is told to end` : stateText(answer))
    })
}

interface FollowedOptions {
  readonly json?: boolean
  readonly progress?: ProgressMode
}

interface RunOptions extends FollowedOptions {
  readonly repository?: string
  readonly store?: string
  readonly path?: string
  readonly all?: boolean
  readonly wait?: boolean
}

export function runCommand(program: Command, context: Context): void {
  withProgress(program.command("run"))
    .argument("<job>", "`cistern jobs` lists them")
    .description("have the daemon do a job now")
    .option("--repository <name>", "on this repository")
    .option("--store <name>", "on what is in this store")
    .option("--path <path>", "on the repository at this path in its store")
    .option("--all", "on everything that it can work on")
    .option("--wait", "print its log and end as it ends")
    .option("--json", "print JSON")
    .action(async (job: string, options: RunOptions) => {
      const runs = await started(job, options, context)
      if (options.wait !== true) {
        if (options.json === true) context.out.json({ runs })
        else context.out.table(runs, columns, "Nothing was begun.")
        return
      }
      const ended: RunJson[] = []
      for (const { id } of runs) {
        const follow = {
          follow: true,
          json: false,
          silent: options.json === true,
          ...modeOf(options.progress),
        }
        ended.push(await followLog(id, follow, context))
      }
      if (options.json === true) context.out.json({ runs: ended })
      else context.out.table(ended, columns, "")
      const codes = ended.map(exitCodeOf)
      const worst = [exitCodes.wrong, exitCodes.unclear, exitCodes.refused].find((code) =>
        codes.includes(code),
      )
      context.exitWith(worst ?? exitCodes.ok)
    })
}

async function started(
  job: string,
  { repository, store, path, all }: RunOptions,
  { daemon }: Context,
): Promise<RunJson[]> {
  const said = [repository, store, path].filter((one) => one !== undefined).length
  if (all === true && said > 0) throw usageError("--all and single ones exclude each other")
  if (path !== undefined && repository === undefined) throw usageError("--path needs --repository")
  const request: StartRunRequest = {
    ...(repository === undefined ? {} : { repository }),
    ...(store === undefined ? {} : { store }),
    ...(path === undefined ? {} : { path }),
    ...(all === true || said > 0 ? {} : { only: "whole" as const }),
  }
  const { runs } = await daemon().post(
    `${jobPaths.jobs}/${encodeURIComponent(job)}/run`,
    request,
    runsStartedJson,
  )
  return runs
}

function modeOf(mode: ProgressMode | undefined): { readonly mode?: ProgressMode } {
  return mode === undefined ? {} : { mode }
}

function pathOf(run: string): string {
  return `${jobPaths.runs}/${encodeURIComponent(run)}`
}
