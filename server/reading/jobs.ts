import type { JobKind } from "../jobs/index.js"
import { anomaliesJob } from "./anomalies/job.js"
import { drillJob } from "./drill/job.js"
import type { ReadingParts } from "./parts.js"
import { scrubJob } from "./scrub/scrub-job.js"
import { verifyDeepJob, verifyJob } from "./verify/verify-job.js"

const makers: readonly ((parts: ReadingParts) => JobKind)[] = [
  scrubJob,
  verifyJob,
  verifyDeepJob,
  anomaliesJob,
  drillJob,
]

/** The jobs that read repositories. */
export function readingJobs(parts: ReadingParts): JobKind[] {
  return makers.map((make) => make(parts))
}
