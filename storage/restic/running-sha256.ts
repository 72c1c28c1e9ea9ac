import { createHash } from "node:crypto"
import type { RunningHash } from "../bytes/index.js"

/** SHA-256 that can go back to where it was. */
export function sha256(): RunningHash {
  let message = createHash("sha256")
  return {
    init: () => {
      message = createHash("sha256")
    },
    update: (bytes) => {
      message.update(bytes)
    },
    digest: () => message.digest(),
    save: () => {
      const state = message.copy()
      return () => {
        message = state.copy()
      }
    },
  }
}
