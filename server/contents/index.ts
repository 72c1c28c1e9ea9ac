export { chooseSnapshot } from "./choose-snapshot.js"
export { type ChangeJson, DiffSums, type DiffSummary } from "./diff-json.js"
export { type ComparedSide, type DifferenceOptions, differencesOf } from "./differences.js"
export {
  type EntryJson,
  entryJson,
  type PathJson,
  pathJson,
  type ProblemJson,
  problemJson,
  textOf,
} from "./entry-json.js"
export { type FindQuery, findRows, type SearchedPlace } from "./find-rows.js"
export type { FoundJson } from "./found-json.js"
export { type Cost, costJson } from "./impact/cost-json.js"
export { costLines } from "./impact/cost-lines.js"
export { costOf, type CostOptions, verdictOf } from "./impact/cost-of.js"
export { listEntries } from "./list-entries.js"
export { entryRow, type WalkOptions } from "./walk.js"
