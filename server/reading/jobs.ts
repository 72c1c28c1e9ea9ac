import type { JobKind } from "../jobs/index.js"
import type { ReadingParts } from "./parts.js"
import { verifyDeepJob, verifyJob } from "./verify/verify-job.js"

const makers: readonly ((parts: ReadingParts) => JobKind)[] = [verifyJob, verifyDeepJob]

/** The jobs that read repositories. */
export function readingJobs(parts: ReadingParts): JobKind[] {
  return makers.map((make) => make(parts))
}
