import { createHash } from "node:crypto"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Logger } from "pino"
import { durabilityOf } from "../../storage/disk/index.js"
import type { Config } from "../config/index.js"
import type { StateFact } from "../decision/index.js"

export interface StateDirectory {
  readonly directory: string
  /** It goes with this process. */
  readonly passing: boolean
  readonly state: StateFact
}

/** Drop-in mode must run where nothing can be kept, as pvc-plumber does; then decisions know that nothing is remembered. */
export function stateDirectoryOf(config: Config, log: Logger): StateDirectory {
  const { stateDirectory } = config
  const durability = durabilityOf(stateDirectory)
  if (durability.durable) return { directory: stateDirectory, passing: false, state: { kind: "lasts" } }
  const { message: why, writable } = durability
  const state = { kind: "does_not_last", directory: stateDirectory, why } as const
  const instead = config.dropIn === undefined || writable ? undefined : passingDirectory()
  if (instead === undefined) {
    log.warn({ state: stateDirectory, why }, "the state directory does not last: mount a volume there")
    return { directory: stateDirectory, passing: false, state }
  }
  log.warn({ state: instead, instead: stateDirectory, why }, "the state lasts as long as this process")
  return { directory: instead, passing: true, state }
}

/** A directory for as long as this process runs. A pod whose root filesystem is read-only has memory at least. */
function passingDirectory(): string | undefined {
  for (const above of [tmpdir(), "/dev/shm"]) {
    try {
      return mkdtempSync(join(above, "cistern-"))
    } catch {
      continue
    }
  }
  return undefined
}

/** Tells the exports of this daemon from those of another one on the same machine. */
export function ownerOf(stateDirectory: string): string {
  return createHash("sha256").update(stateDirectory).digest("hex").slice(0, 16)
}
