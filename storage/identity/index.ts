export {
  type Claims,
  type ClaimsSpec,
  NO_CLAIMS,
  parseClaims,
  type VolumeClaim,
  type VolumeClaimSpec,
} from "./claims.js"
export {
  type AppliedIdentity,
  applyTemplate,
  type Convention,
  type ConventionSpec,
  type IdentityTemplate,
  parseConvention,
} from "./convention.js"
export { explain, type Explanation, isPodName } from "./explain.js"
export { formatIdentity, type KopiaIdentity, parseIdentity, sameIdentity } from "./kopia-identity.js"
export { isExactly, kopiaPick, type Pick } from "./kopia-pick.js"
export { DATA_PATH, type DerivedName, moverHostName, moverUserName, USER_NAME_LENGTH } from "./mover.js"
export {
  EVERY_NAMESPACE,
  type NamespaceRules,
  overlap,
  parseNamespaceRules,
  servesNamespace,
} from "./namespaces.js"
export { identitiesOf, type Naming, type OtherNameKind, type VolumeIdentities } from "./naming.js"
export {
  commonFolder,
  parsePathTemplate,
  pathFor,
  pathsMeet,
  type PathTemplate,
  type PathTemplateSpec,
  similarDirectories,
  volumesAt,
} from "./path-template.js"
export { type PlaceRelation, relationTo } from "./place-overlap.js"
export { isVolumeSnapshot, resticPick } from "./restic-pick.js"
export { type Claimants, claimantsOf, type Seen, type Sharing, sharingOf } from "./sharing.js"
export { AFFIXES, type SimilarIdentity, SourceIndex } from "./source-index.js"
export {
  isNamespace,
  isPvcName,
  parseVolumeKey,
  parseVolumeName,
  volumeKey,
  type VolumeName,
} from "./volume-name.js"
