import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Snapshots from which on what a listing from nothing leaves behind is worth a collection. */
const MANY = 20_000

/** V8 makes its space for young objects small again only in a collection before which little was allocated for seconds. */
const QUIET_MS = 8_000
const YOUNG_BYTES = 8_000_000
const TRIES = 5

let collect: (() => void) | undefined
let next: NodeJS.Timeout | undefined

/**
 * Gives back what a large listing from nothing needed for a moment. Afterwards little is allocated, so that V8 by itself
 * would keep a hundred megabytes for hours; a collection takes some fifty milliseconds, mostly twice.
 */
export function spareMemoryAfter(snapshots: number): void {
  if (snapshots < MANY) return
  collect ??= findCollector()
  // Not before what holds it now has returned.
  setImmediate(collect)
  collectWhenQuiet(collect, TRIES)
}

function collectWhenQuiet(collectNow: () => void, tries: number): void {
  clearTimeout(next)
  next = setTimeout(() => {
    collectNow()
    if (tries > 1 && youngSpace() > YOUNG_BYTES) collectWhenQuiet(collectNow, tries - 1)
  }, QUIET_MS).unref()
}

function youngSpace(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0
}

/** The flag names a function of new contexts only, so that nothing else in this process finds one. */
function findCollector(): () => void {
  setFlagsFromString("--expose-gc")
  const found: unknown = runInNewContext("globalThis.gc")
  setFlagsFromString("--no-expose-gc")
  return typeof found === "function" ? (found as () => void) : () => undefined
}
