export { readingJobs } from "./jobs.js"
export type { ReadingParts, ReadingPlace, RepositorySubject } from "./parts.js"
