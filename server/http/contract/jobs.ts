import { z } from "zod"

// Jobs and their runs, over the admin socket like contract/admin.ts. Times are RFC 3339.

const count = z.int().min(0)
const time = z.string().nullable()

export const jobOutcome = z.enum(["ok", "findings", "failed", "interrupted", "skipped"])

export const jobSubjectJson = z.strictObject({
  type: z.enum(["repository", "store", "whole"]),
  repository: z.string().nullable(),
  store: z.string().nullable(),
  /** Relative to the store. */
  path: z.string().nullable(),
})
export type JobSubjectJson = z.infer<typeof jobSubjectJson>

/** GET /api/v1/jobs: the kinds, when they run next, and what they are doing. */
export const jobJson = z.strictObject({
  name: z.string(),
  title: z.string(),
  of: z.enum(["repository", "store", "whole"]),
  changing: z.boolean(),
  resumable: z.boolean(),
  running: count,
  waiting: count,
  /** What it works on: so many repositories' directories, or stores. */
  subjects: count,
  /** Under which it runs by itself. `name`: null for the kind's own. */
  schedules: z.array(
    z.strictObject({
      name: z.string().nullable(),
      cron: z.string(),
      zone: z.string(),
      spreadSeconds: z.number(),
      subjects: count,
    }),
  ),
  /** The earliest on any subject; null: not by itself. */
  next: time,
})
export type JobJson = z.infer<typeof jobJson>
export const jobsJson = z.strictObject({
  jobs: z.array(jobJson),
  /** The end of the quiet hours that hold now. */
  quietUntil: time,
})
export type JobsJson = z.infer<typeof jobsJson>

/** GET /api/v1/jobs/{job}/subjects?after=&limit= : sorted; `next` is the `after` of the next page. */
export const jobSubjectsJson = z.strictObject({
  subjects: z.array(
    z.strictObject({
      key: z.string(),
      subject: jobSubjectJson,
      next: time,
      lastRun: z.string().nullable(),
      lastOutcome: jobOutcome.nullable(),
      lastAt: time,
      /** When one ended last that was ok or had findings. */
      lastGoodAt: time,
    }),
  ),
  next: z.string().nullable(),
})
export type JobSubjectsJson = z.infer<typeof jobSubjectsJson>

export const runJson = z.strictObject({
  /** Sorts by the time at which it was asked for or due. */
  id: z.string(),
  job: z.string(),
  subject: jobSubjectJson,
  cause: z.enum(["schedule", "missed", "person", "retry", "resume"]),
  by: z.string().nullable(),
  attempt: z.int(),
  /** The run that it tries again or continues. */
  follows: z.string().nullable(),
  /** `lingers`: it has its outcome, did not end in time when it was told to, and keeps others off. */
  state: z.enum(["waiting", "running", "lingers", "ended"]),
  /** Why it waits for its turn, or stands back. */
  waitsFor: z.string().nullable(),
  dueAt: time,
  queuedAt: z.string(),
  startedAt: time,
  endedAt: time,
  outcome: jobOutcome.nullable(),
  /** A code. */
  reason: z.string().nullable(),
  message: z.string().nullable(),
  progress: z
    .strictObject({
      done: z.number(),
      total: z.number().nullable(),
      unit: z.enum(["bytes", "items"]),
      text: z.string().nullable(),
    })
    .nullable(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})
export type RunJson = z.infer<typeof runJson>

/** GET /api/v1/runs?job=&repository=&store=&outcome=&before=&limit= : the newest first; `next` is the `before` of the next page. */
export const runsJson = z.strictObject({ runs: z.array(runJson), next: z.string().nullable() })
export type RunsJson = z.infer<typeof runsJson>

/** GET /api/v1/runs/{run}/log?from=&wait= : lines from a byte on. With `wait` (milliseconds) it waits so long for more. */
export const runLogJson = z.strictObject({
  run: runJson,
  lines: z.array(
    z.strictObject({
      time: z.string(),
      level: z.enum(["debug", "info", "warn", "error"]),
      message: z.string(),
      facts: z.record(z.string(), z.unknown()),
    }),
  ),
  /** The `from` to go on with. */
  next: count,
  /** Nothing will follow. */
  complete: z.boolean(),
})
export type RunLogJson = z.infer<typeof runLogJson>

/** POST /api/v1/jobs/{job}/run: on all that it works on, or on what is named. 409 `busy` while the same is under way. */
export const startRunRequest = z.strictObject({
  repository: z.string().exactOptional(),
  store: z.string().exactOptional(),
  path: z.string().exactOptional(),
  /** Refused (400 `which`) where the job works on several things: nobody said which. */
  only: z.literal("whole").exactOptional(),
})
export type StartRunRequest = z.infer<typeof startRunRequest>
export const runsStartedJson = z.strictObject({ runs: z.array(runJson) })
export type RunsStartedJson = z.infer<typeof runsStartedJson>

export const jobPaths = { jobs: "/api/v1/jobs", runs: "/api/v1/runs" } as const
