export { Jobs, type JobsParts } from "./jobs.js"
export { jobMetrics } from "./job-metrics.js"
export {
  type JobContext,
  type JobKind,
  type JobSubject,
  type LogFacts,
  type LogLevel,
  type Outcome,
  type RunFacts,
  type RunProgress,
  type ScheduleRule,
  subjectKey,
  subjectText,
  type SubjectType,
} from "./kind.js"
export { isRunId } from "./run-ids.js"
export type { LogLine } from "./run-log.js"
export type { LiveRun } from "./runner.js"
export type { DeclaredSchedule } from "./schedule-plan.js"
export { tidyJob } from "./tidy.js"
export { type Ask, serveWork } from "./work-body.js"
export { inThread, type WorkThreadOptions } from "./work-thread.js"
