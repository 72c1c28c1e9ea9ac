export { type IdentityCount, readContents, type RepositoryContents, unopened } from "./contents.js"
export { whyInexpressible } from "./expressible.js"
export { isRoleName } from "./folder-words.js"
export { type ClusterClue, guessClusters } from "./guess-clusters.js"
export {
  type ConventionGuess,
  type GuessedConvention,
  guessConventions,
  type UnclearIdentity,
  writtenOf,
} from "./guess-conventions.js"
export { guessCopies, type GuessedCopy } from "./guess-copies.js"
export {
  type GuessedTemplate,
  guessPathTemplates,
  type TemplateEvidence,
  type TemplateGuess,
} from "./guess-templates.js"
export type { MountBelow } from "./mounts-below.js"
export type { FoundRepository, Survey, SurveyLimits, Unlooked } from "./survey.js"
export { surveyTree } from "./walk.js"
