export type { NasSnapshots } from "./nas-snapshots.js"
export { synologySnapshots } from "./synology.js"
export { trueNasSnapshots } from "./truenas.js"
