export {
  type Acl,
  aclText,
  declaredAcl,
  type DirectoryAcl,
  type NamedRights,
  namedText,
  parseNamedRights,
  sameAcl,
  shownMode,
} from "./acl.js"
export { Cradle, type CradleKind, type CradlePlan, planCradle } from "./cradle.js"
export {
  createDirectory,
  type CreatedDirectory,
  type CreateRequest,
  type DirectoryOwner,
  type NewOwner,
} from "./create.js"
export { REPAIR_ID, type RepairRecord } from "./journal.js"
export {
  type AclLook,
  type DirectoryLook,
  lookAtDirectory,
  type LookRequest,
  type OwnedGroup,
} from "./look.js"
export { safeParts, shownName } from "./names.js"
export { ENTER, may, type Owned, READ, type User, WRITE } from "./permission.js"
export { isInProject } from "./project.js"
export { purgeDirectory } from "./purge.js"
export { QUARANTINE_ID, quarantineId, type RetiredRecord } from "./quarantine.js"
export {
  previewRepair,
  repairDirectory,
  repairsOf,
  type RepairOutcome,
  type RepairRequest,
  undoRepair,
} from "./repair.js"
export type { WantedOwner } from "./repair-change.js"
export type { PlannedChange, PlannedRepair, RepairScope } from "./repair-plan.js"
export {
  lookBeforeRetiring,
  restoreDirectory,
  type RetirableDirectory,
  retireDirectory,
  retiredIn,
  type RetireRequest,
} from "./retire.js"
export type { Counted, Steps } from "./steps.js"
export type { StoreRoot } from "./way.js"
