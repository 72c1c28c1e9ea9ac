import { statSync } from "node:fs"
import { durabilityOf, spaceAt } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { EnvironmentConfig } from "../../config/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import { formatBytes } from "../figures.js"
import { fail, ok, warn } from "./check.js"

/** The state directory: there, private, lasting, with room. */
export function stateChecks({ stateDirectory }: EnvironmentConfig): CheckJson[] {
  try {
    const stats = statSync(stateDirectory, { throwIfNoEntry: false })
    if (stats === undefined) {
      return [
        durabilityCheck(stateDirectory),
        warn("state", `${stateDirectory} is not there yet`, "The daemon makes it at its first start."),
      ]
    }
    if (!stats.isDirectory()) {
      return [fail("state", `${stateDirectory} is not a directory`, "Set CISTERN_STATE to a directory.")]
    }
    return [
      durabilityCheck(stateDirectory),
      privacyCheck(stateDirectory, stats.mode, stats.uid, process.getuid?.()),
      spaceCheck(spaceAt(stateDirectory).availableBytes),
    ]
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const hint = error instanceof StorageError ? error.hint : undefined
    return [fail("state", message, hint ?? "Check the path, its owner and its mode.")]
  }
}

function durabilityCheck(directory: string): CheckJson {
  const durability = durabilityOf(directory)
  if (durability.durable) return ok("state", `${directory} lasts and can be written`)
  return fail(
    "state",
    durability.message,
    "Put the state on a disk that lasts, or pins and ledger are forgotten and no volume can be fresh for long.",
  )
}

export function privacyCheck(
  directory: string,
  mode: number,
  owner: number,
  user: number | undefined,
): CheckJson {
  if (user !== undefined && user !== 0 && owner !== user) {
    return warn("state privacy", `${directory} belongs to uid ${owner}`, "Run this as the daemon's user.")
  }
  const others = (mode & 0o077).toString(8).padStart(3, "0")
  if (others === "000") return ok("state privacy", "only its owner may enter")
  return warn(
    "state privacy",
    `mode ${(mode & 0o777).toString(8)} lets others in`,
    `Take it from them: chmod 700 ${directory}`,
  )
}

const mebibyte = 1024 * 1024

export function spaceCheck(availableBytes: number): CheckJson {
  const detail = `${formatBytes(availableBytes)} free under the state directory`
  if (availableBytes < 16 * mebibyte)
    return fail("state space", detail, "Make room: nothing can be remembered soon.")
  if (availableBytes < 256 * mebibyte) return warn("state space", detail, "Make room before it is full.")
  return ok("state space", detail)
}
