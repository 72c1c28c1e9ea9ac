export { ClusterReadiness, type ReadinessParts } from "./cluster-readiness.js"
export { Answerer, type AnswererParts, familyOf, storeOf } from "./answerer.js"
export {
  buildFleet,
  type Fleet,
  type FleetRepository,
  isPerVolume,
  lentRepository,
  repositoriesFor,
  type Spot,
  spotAt,
  spotOf,
} from "./fleet.js"
export { FreshOnceGrants } from "./fresh-once-grants.js"
export type { Memory } from "./gather-facts.js"
export { indexOf } from "./generation-index.js"
export { KnownVolumes } from "./known-volumes.js"
export { LedgerMemory } from "./ledger-memory.js"
