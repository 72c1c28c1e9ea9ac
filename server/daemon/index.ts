export { type DaemonCore, putTogether } from "./daemon-core.js"
export { type Kept, openKept } from "./kept.js"
export { ownerOf, stateDirectoryOf, type StateDirectory } from "./state-directory.js"
export type { Surroundings } from "./surroundings.js"
