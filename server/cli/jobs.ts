import type { Command } from "commander"
import {
  type JobJson,
  jobPaths,
  jobsJson,
  type JobSubjectsJson,
  jobSubjectsJson,
} from "../http/contract/jobs.js"
import type { Context } from "./context.js"
import { formatTime } from "./figures.js"
import { subjectName } from "./jobs/run-text.js"
import type { Column } from "./table.js"

const columns: readonly Column<JobJson>[] = [
  { title: "JOB", of: ({ name }) => name },
  { title: "NEXT (UTC)", of: ({ next }) => formatTime(next) },
  { title: "RUNNING", of: ({ running }) => String(running), align: "right" },
  { title: "WAITING", of: ({ waiting }) => String(waiting), align: "right" },
  {
    title: "WORKS ON",
    of: ({ of, subjects }) => (of === "whole" ? "everything" : `${subjects} of kind ${of}`),
  },
  { title: "SCHEDULE", of: ({ schedules }) => schedules.map(scheduleText).join("; ") || "only when asked" },
  { title: "DOES", of: ({ title }) => title },
]

const subjectColumns: readonly Column<JobSubjectsJson["subjects"][number]>[] = [
  { title: "SUBJECT", of: ({ subject }) => subjectName(subject) },
  { title: "NEXT (UTC)", of: ({ next }) => formatTime(next) },
  { title: "LAST", of: ({ lastOutcome }) => lastOutcome ?? "-" },
  { title: "ENDED (UTC)", of: ({ lastAt }) => formatTime(lastAt) },
  { title: "LAST GOOD (UTC)", of: ({ lastGoodAt }) => formatTime(lastGoodAt) },
  { title: "RUN", of: ({ lastRun }) => lastRun ?? "-" },
]

export function jobsCommand(program: Command, context: Context): void {
  program
    .command("jobs")
    .argument("[job]", "what it works on, one by one, instead of all kinds")
    .description("list the kinds of jobs, and when each runs next")
    .option("--json", "print JSON")
    .action(async (job: string | undefined, { json }: { json?: boolean }) => {
      if (job === undefined) await listJobs(json === true, context)
      else await listSubjects(job, json === true, context)
    })
}

async function listJobs(json: boolean, { daemon, out }: Context): Promise<void> {
  const answer = await daemon().get(jobPaths.jobs, jobsJson)
  if (json) {
    out.json(answer)
    return
  }
  out.table(answer.jobs, columns, "There are no jobs.")
  if (answer.quietUntil !== null) out.text(`\nQuiet hours until ${formatTime(answer.quietUntil)} UTC.`)
}

async function listSubjects(job: string, json: boolean, { daemon, out }: Context): Promise<void> {
  const subjects: JobSubjectsJson["subjects"] = []
  const path = `${jobPaths.jobs}/${encodeURIComponent(job)}/subjects`
  for (let after: string | undefined; ;) {
    const page = await daemon().get(path, jobSubjectsJson, { after })
    subjects.push(...page.subjects)
    if (page.next === null) break
    after = page.next
  }
  if (json) out.json({ subjects })
  else out.table(subjects, subjectColumns, "There is nothing that it could work on.")
}

function scheduleText({ name, cron, zone, spreadSeconds }: JobJson["schedules"][number]): string {
  const spread = spreadSeconds === 0 ? "" : ` over ${spreadSeconds / 60} min`
  return `${cron} ${zone}${spread}${name === null ? "" : ` (${name})`}`
}
