import type { JobKind } from "../jobs/index.js"
import type { ReadingParts } from "./parts.js"
import { scrubJob } from "./scrub/scrub-job.js"

const makers: readonly ((parts: ReadingParts) => JobKind)[] = [scrubJob]

/** The jobs that read repositories. */
export function readingJobs(parts: ReadingParts): JobKind[] {
  return makers.map((make) => make(parts))
}
