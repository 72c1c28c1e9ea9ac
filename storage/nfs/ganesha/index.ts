export type { GaneshaAnswer, GaneshaBus, GaneshaMethod } from "./bus.js"
export type { AfterRestart } from "./restart.js"
export { type GaneshaFiles, ganeshaFiles, GaneshaServer } from "./server.js"
