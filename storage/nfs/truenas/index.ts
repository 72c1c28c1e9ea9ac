export type { ExportRefusal } from "./refusals.js"
export { TrueNasServer } from "./server.js"
