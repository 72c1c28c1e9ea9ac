export { forgetUndeclared } from "./forget-undeclared.js"
export { readingJobs } from "./jobs.js"
export type { ListedPlace, ReadingParts, ReadingPlace, RepositorySubject } from "./parts.js"
