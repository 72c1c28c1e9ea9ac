import { StorageError } from "../../storage/index.js"
import { parseVolumeKey, type VolumeName } from "../../storage/identity/index.js"
import { usageError } from "./cli-error.js"

/** Parses NS/PVC. Throws a usage error. */
export function volumeArgument(text: string): VolumeName {
  try {
    return parseVolumeKey(text)
  } catch (error) {
    if (error instanceof StorageError)
      throw usageError(error.message, error.hint ?? "Write it as namespace/pvc.")
    throw error
  }
}
