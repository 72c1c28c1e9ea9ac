import { Router } from "express"
import type { z } from "zod"
import {
  jobOutcome,
  jobPaths,
  type JobsJson,
  type JobSubjectsJson,
  type RunJson,
  type RunLogJson,
  type RunsJson,
  type RunsStartedJson,
  startRunRequest,
} from "../contract/jobs.js"
import { HttpError } from "../errors.js"
import { bodyOf, queryOf } from "./request-parts.js"

export interface RunsQuery {
  readonly job?: string | undefined
  readonly repository?: string | undefined
  readonly store?: string | undefined
  readonly outcome?: z.output<typeof jobOutcome> | undefined
  readonly before?: string | undefined
  readonly limit: number
}

/** What these routes need of the daemon, and no more. Each may throw HttpError. */
export interface JobAdministration {
  jobs(): JobsJson
  subjects(job: string, after: string | undefined, limit: number): JobSubjectsJson
  run(job: string, request: z.output<typeof startRunRequest>, by: string): RunsStartedJson
  runs(query: RunsQuery): RunsJson
  show(run: string): RunJson
  log(run: string, from: number, waitMs: number): Promise<RunLogJson>
  cancel(run: string, by: string): RunJson
}

const MOST_ROWS = 1000
const MOST_WAIT_MS = 10_000

/** Jobs and their runs. `by`: who acts through this connection. */
export function jobRoutes(jobs: JobAdministration, by: string): Router {
  const router = Router()
  router.get(jobPaths.jobs, (_request, response) => {
    response.json(jobs.jobs())
  })
  router.get(`${jobPaths.jobs}/:job/subjects`, (request, response) => {
    const { after, limit } = queryOf(request)
    response.json(jobs.subjects(request.params.job, after, numberOf("limit", limit, MOST_ROWS, MOST_ROWS)))
  })
  router.post(`${jobPaths.jobs}/:job/run`, (request, response) => {
    response.json(jobs.run(request.params.job, bodyOf(request, startRunRequest), by))
  })
  router.get(jobPaths.runs, (request, response) => {
    const { job, repository, store, before, ...query } = queryOf(request)
    const outcome = jobOutcome.optional().safeParse(query["outcome"])
    if (!outcome.success) throw new HttpError(400, "invalid", "There is no such outcome.")
    const limit = numberOf("limit", query["limit"], MOST_ROWS, 100)
    response.json(jobs.runs({ job, repository, store, before, outcome: outcome.data, limit }))
  })
  router.get(`${jobPaths.runs}/:run`, (request, response) => {
    response.json(jobs.show(request.params.run))
  })
  router.get(`${jobPaths.runs}/:run/log`, async (request, response) => {
    const { from, wait } = queryOf(request)
    const start = numberOf("from", from, Number.MAX_SAFE_INTEGER, 0)
    response.json(await jobs.log(request.params.run, start, numberOf("wait", wait, MOST_WAIT_MS, 0)))
  })
  router.post(`${jobPaths.runs}/:run/cancel`, (request, response) => {
    response.json(jobs.cancel(request.params.run, by))
  })
  return router
}

function numberOf(name: string, text: string | undefined, most: number, usual: number): number {
  if (text === undefined) return usual
  if (!/^\d{1,16}$/.test(text)) throw new HttpError(400, "invalid", `${name} is a number.`)
  return Math.min(Number(text), most)
}
