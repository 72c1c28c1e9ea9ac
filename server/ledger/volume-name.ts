import type { VolumeKey } from "../db/index.js"

/** "cluster/namespace/pvc". None of the three can hold a slash. */
export function volumeName({ cluster, namespace, pvc }: VolumeKey): string {
  return `${cluster}/${namespace}/${pvc}`
}
