import type { FenceState } from "../../storage/disk/index.js"
import { StorageError } from "../../storage/index.js"

/** Throws StorageError `unreadable` for a fence that does not hold. */
export function mustHold(state: FenceState): void {
  if (state.kind === "holds") return
  throw new StorageError("unreadable", state.message, { facts: { fence: state.code }, hint: state.hint })
}
