export { readingJobs } from "./jobs.js"
export type { ListedPlace, ReadingParts, ReadingPlace, RepositorySubject } from "./parts.js"
