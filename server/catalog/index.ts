export { Catalog, type CatalogParts, type CatalogSpec } from "./catalog.js"
export type { FamilySpec } from "./families.js"
export type { OpenStores, StoreSpec, StoreWork } from "./open-stores.js"
export type { LookedQuota, QuotaMethods } from "./quota-methods.js"
export type { DirectoryMethods, LookedAt, RepairedDirectory } from "./directory-methods.js"
export {
  type FilesystemSnapshotMethods,
  type MadeSnapshot,
  type RepositoryThen,
  ROLL_BACK_HOLD,
  type TreeSnapshots,
} from "./filesystem-snapshot-methods.js"
export type { SnapshotScope } from "./snapshot-trees.js"
export { ageOf, type Clock, type Moment, systemClock } from "./clock.js"
export type { CatalogMethods, FoundDirectory, PlaceSpec, StoreMethods } from "./messages.js"
export {
  type Generation,
  type ListingOrder,
  type ListingReason,
  Place,
  type PlaceView,
  type Trouble,
  type Witness,
  type Witnessed,
} from "./place.js"
export { type Hang, HANG_MS, Pulse } from "./pulse.js"
export type { NewRepository } from "./new-repository.js"
export { type FoundCopy, type KeptCopy, ledgerFiles } from "./ledger-files.js"
export { Rpc } from "./rpc.js"
export { watchMounts } from "./mount-watch.js"
export { defaultRhythm, type ListingRhythm } from "./rhythm.js"
export { StoreService } from "./store-service.js"
export { startStoreThread, type StoreConnection } from "./store-thread.js"
export { identityText, type IdentitySummary, type SummaryChange } from "./summary.js"
