export type { Difference } from "./compare-entries.js"
export { diffTrees, type TreeChange } from "./diff.js"
export type { WalkLimits } from "./limits.js"
