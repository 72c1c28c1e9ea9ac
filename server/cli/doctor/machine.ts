import { statSync } from "node:fs"
import { join } from "node:path"
import { freemem, totalmem } from "node:os"
import type { EnvironmentConfig } from "../../config/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import { formatBytes } from "../figures.js"
import { fail, ok, warn } from "./check.js"

/** The machine itself: the runtime, the memory and the clock. */
export function machineChecks(config: EnvironmentConfig): CheckJson[] {
  return [
    nodeCheck(process.versions.node),
    memoryCheck(totalmem(), freemem()),
    clockCheck(Date.now(), newestKnownTime(config)),
  ]
}

export function nodeCheck(version: string): CheckJson {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return ok("node", `version ${version}`)
  return fail("node", `version ${version} is too old`, "Install Node.js 20.19 or newer.")
}

const mebibyte = 1024 * 1024

/** The daemon stays below 200 MB with 10,000 volumes (design §9); a machine with less than this leaves it no room. */
export function memoryCheck(totalBytes: number, freeBytes: number): CheckJson {
  const detail = `${formatBytes(totalBytes)}, ${formatBytes(freeBytes)} free`
  if (totalBytes >= 512 * mebibyte) return ok("memory", detail)
  return warn("memory", detail, "With less than 512 MiB a large repository may not be readable here.")
}

/** A clock that was reset shows by files from the future: Kopia's own and ours. */
export function clockCheck(nowMs: number, newestFileMs: number | undefined): CheckJson {
  const now = new Date(nowMs).toISOString()
  if (nowMs < Date.UTC(2025, 0, 1)) {
    return fail("clock", `it is ${now} by this machine's clock`, "Set the clock, and let it be kept by NTP.")
  }
  const ahead = newestFileMs === undefined ? 0 : newestFileMs - nowMs
  if (ahead > 120_000) {
    return fail(
      "clock",
      `files of the state are ${Math.round(ahead / 1000)} s in the future; it is ${now} by this machine's clock`,
      "Set the clock, and let it be kept by NTP: ages of listings and of writers rest on it.",
    )
  }
  return ok("clock", now)
}

function newestKnownTime({ stateDirectory }: EnvironmentConfig): number | undefined {
  const times = ["state.sqlite", "state.sqlite-wal", "lock.sqlite", "daemon.pid"].flatMap((name) =>
    changedAt(join(stateDirectory, name)),
  )
  return times.length === 0 ? undefined : Math.max(...times)
}

function changedAt(file: string): number[] {
  try {
    return [statSync(file).mtimeMs]
  } catch {
    // Not there, or not to be looked at: the check of the state directory says so.
    return []
  }
}
