import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Snapshots from which on what a listing from nothing leaves behind is worth a collection. */
const MANY = 20_000

let collect: (() => void) | undefined

/**
 * Gives back what a large listing from nothing needed for a moment. Afterwards little is allocated, so that V8 by itself
 * would keep tens of megabytes for hours; a collection takes some ten milliseconds, once.
 */
export function spareMemoryAfter(snapshots: number): void {
  if (snapshots < MANY) return
  // Not before what holds it now has returned.
  setImmediate(() => {
    collect ??= findCollector()
    collect()
  })
}

/** The flag names a function of new contexts only, so that nothing else in this process finds one. */
function findCollector(): () => void {
  setFlagsFromString("--expose-gc")
  const found: unknown = runInNewContext("globalThis.gc")
  setFlagsFromString("--no-expose-gc")
  return typeof found === "function" ? (found as () => void) : () => undefined
}
