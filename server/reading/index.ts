export { readingJobs } from "./jobs.js"
export type { ReadingParts, ReadingPlace, RepositorySubject } from "./parts.js"
export { forgetWithdrawn } from "./verify/keep-report.js"
