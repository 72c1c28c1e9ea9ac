export { JobsAdministration } from "./jobs-administration.js"
export { declaredSchedules } from "./declared-schedules.js"
export { JobSubjects } from "./job-subjects.js"
