export type { ClientInfo, ClientStatus } from "./client-info.js"
export {
  type ClientSource,
  combineClients,
  type HeldFiles,
  type NfsClientRow,
  type ToldBy,
  type ToldSource,
} from "./combine.js"
export type { ExportTraffic } from "./export-stats.js"
export { clientFiles, type ClientFiles, type ClientsReading, readClients } from "./read-clients.js"
export type { Calls, ServerCounters } from "./server-counters.js"
export type { ToldClients, ToldSession, ToldTraffic } from "./told.js"
