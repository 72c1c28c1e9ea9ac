import type { Snapshot } from "../repository.js"
import { newest, type Pick } from "./kopia-pick.js"
import { DATA_PATH } from "./mover.js"

/**
 * The restic mover's restore selection (volsync-restic-mover §1): of the lines that `restic snapshots` prints, those with
 * "/data" anywhere in them, the newest to the second, whatever the host. `names`: without the password every snapshot file
 * may be one.
 */
export function resticPick(snapshots: readonly Snapshot[], depth: "contents" | "names"): Pick {
  if (depth === "names") return newest(snapshots)
  return newest(
    snapshots.filter(({ source, tags }) =>
      [source.host, ...tags, ...source.paths].some((column) => column.includes(DATA_PATH)),
    ),
  )
}

/** Whether it is what the mover writes: of `/data` and nothing else. */
export function isVolumeSnapshot({ source }: Snapshot): boolean {
  return source.paths.length === 1 && source.paths[0] === DATA_PATH
}
