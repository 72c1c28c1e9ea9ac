import { readFileSync } from "node:fs"

const INTERVAL_MS = 500

/**
 * Calls `changed` when the table of mounts reads differently. Node cannot poll /proc for events, so it is read again twice a
 * second; it never hangs, whatever the mounts do.
 */
export function watchMounts(changed: () => void, file = "/proc/self/mountinfo"): { stop(): void } {
  let last = readFileSync(file, "utf8")
  const timer = setInterval(() => {
    const now = readFileSync(file, "utf8")
    if (now === last) return
    last = now
    changed()
  }, INTERVAL_MS)
  timer.unref()
  return {
    stop: () => {
      clearInterval(timer)
    },
  }
}
