import type { JobKind } from "../jobs/index.js"
import { anomaliesJob } from "./anomalies/job.js"
import type { ReadingParts } from "./parts.js"

const makers: readonly ((parts: ReadingParts) => JobKind)[] = [anomaliesJob]

/** The jobs that read repositories. */
export function readingJobs(parts: ReadingParts): JobKind[] {
  return makers.map((make) => make(parts))
}
