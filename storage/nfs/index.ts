export { compareExports, type ExportDifference, type ExportSetting, networkOf } from "./compare.js"
export type { ActiveExport } from "./etab.js"
export {
  canonicalClient,
  checkExport,
  ExportedPaths,
  isAround,
  type NfsClient,
  type NfsExport,
} from "./export.js"
export { everybodyWrites } from "./everybody.js"
export { isNetgroup } from "./netgroup.js"
export { renderExportsFile } from "./exports-file.js"
export { lastingFsid } from "./fsid.js"
export {
  type AfterRestart,
  type GaneshaAnswer,
  type GaneshaBus,
  type GaneshaFiles,
  ganeshaFiles,
  type GaneshaMethod,
  GaneshaServer,
} from "./ganesha/index.js"
export { type KernelFiles, kernelFiles, KernelServer } from "./kernel.js"
export type { ExportRefusal } from "./refusal.js"
export type { ApplyOptions, ExportPlan, NfsServer, NfsServerKind, NfsServerState } from "./server.js"
export {
  administratorSteps,
  type OwnRules,
  type OwnRulesStore,
  parseOwnRules,
  SynologyServer,
} from "./synology/index.js"
export { stepsByHand, type StepsByHand } from "./steps-by-hand.js"
export { TrueNasServer } from "./truenas/index.js"
export { withoutWithdrawn } from "./withdrawn.js"
export {
  type ClientFiles,
  clientFiles,
  type ClientsReading,
  combineClients,
  type ExportTraffic,
  type NfsClientRow,
  readClients,
  type ToldBy,
  type ToldClients,
  type ToldSource,
} from "./clients/index.js"
