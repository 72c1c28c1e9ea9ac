import { join } from "node:path"
import { parseAge } from "./age.js"
import type { DrillsEntry } from "./document.js"

/** How drills are held, every value said. Times are milliseconds, sizes bytes. */
export interface DrillSettings {
  readonly everyMs: number
  readonly scratch: string
  /** The scratch folder is our own, and is made where it is not there. */
  readonly ownScratch: boolean
  readonly mostBytes: number
  readonly minFreeBytes: number
  /** Undefined: never. */
  readonly engineEveryMs: number | undefined
  /** By namespace/pvc. */
  readonly sentinels: Readonly<Record<string, readonly string[]>>
}

const DAY_MS = 24 * 3_600_000
const GiB = 1024 ** 3

/** What is declared, over what is usual. */
export function drillSettings(declared: DrillsEntry | undefined, stateDirectory: string): DrillSettings {
  const { every, scratch, most, minFree, engineEvery, sentinels = {} } = declared ?? {}
  const engine = engineEvery === undefined ? 90 * DAY_MS : parseAge(engineEvery)
  return {
    everyMs: (every === undefined ? undefined : parseAge(every)) ?? 30 * DAY_MS,
    scratch: scratch ?? join(stateDirectory, "drills"),
    ownScratch: scratch === undefined,
    mostBytes: most ?? 50 * GiB,
    minFreeBytes: minFree ?? 10 * GiB,
    engineEveryMs: engine,
    sentinels,
  }
}
