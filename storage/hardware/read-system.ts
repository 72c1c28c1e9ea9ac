import type { NasSystem } from "../nas/index.js"
import { readSynologyHardware } from "./synology.js"
import type { SystemReport } from "./system.js"
import { readTrueNasHardware } from "./truenas.js"

/**
 * What a NAS system says of its hardware. What it does not tell is undefined, with the reason in `problems`. Throws the first of these
 * where it tells nothing at all: StorageError as its calls do.
 */
export async function readSystemHardware(system: NasSystem): Promise<SystemReport> {
  const report = await (system.kind === "truenas"
    ? readTrueNasHardware(system.api)
    : readSynologyHardware(system.dsm))
  const { figures, pools, disks, problems } = report
  const isSilent = figures === undefined && pools === undefined && disks === undefined
  if (isSilent && problems[0] !== undefined) throw problems[0]
  return report
}
