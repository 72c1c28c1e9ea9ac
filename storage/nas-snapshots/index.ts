export type { NasSnapshots } from "./nas-snapshots.js"
export { snapshotsOfSystem } from "./of-system.js"
