export type { Difference } from "./compare-entries.js"
export { diffTrees, type TreeChange } from "./diff.js"
export {
  DirectoryPages,
  type DirectoryPage,
  entriesAt,
  type EntryAt,
  type PageOptions,
} from "./directory-pages.js"
export { findInTree, type Found } from "./find.js"
export {
  findVersions,
  type FindVersionsOptions,
  type FoundVersion,
  type Unsearched,
} from "./find-versions.js"
export type { WalkLimits } from "./limits.js"
export { PathPattern, type PatternOptions } from "./pattern.js"
export { parseRange } from "./range.js"
export { archive, type ArchiveFormat, archiveFormats } from "./archive.js"
export type { ArchiveLoss, ArchiveOptions } from "./archive-items.js"
