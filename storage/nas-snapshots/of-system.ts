import type { NasSystem } from "../nas/index.js"
import type { NasSnapshots } from "./nas-snapshots.js"
import { synologySnapshots } from "./synology.js"
import { trueNasSnapshots } from "./truenas.js"

/** The filesystem snapshots of what a directory lies in, a path of the system's own. Throws StorageError. */
export function snapshotsOfSystem(system: NasSystem, directory: string): Promise<NasSnapshots> {
  return system.kind === "truenas"
    ? trueNasSnapshots(system.api, directory)
    : synologySnapshots(system.dsm, directory)
}
