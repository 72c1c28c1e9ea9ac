import { engineVersion } from "../../../storage/host/index.js"
import { type Engine, StorageError } from "../../../storage/index.js"
import type { EnvironmentConfig } from "../../config/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import { ok, warn } from "./check.js"

/** The real programs. Reading needs neither; everything that changes a repository will. */
export async function engineChecks(config: EnvironmentConfig): Promise<CheckJson[]> {
  return [await engineCheck("kopia", config.kopia), await engineCheck("restic", config.restic)]
}

async function engineCheck(engine: Engine, program: string | undefined): Promise<CheckJson> {
  const variable = `CISTERN_${engine.toUpperCase()}`
  try {
    const found = await engineVersion(engine, program)
    return ok(engine, `version ${found.version}${program === undefined ? "" : ` (${program})`}`)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return warn(
      engine,
      error.message,
      error.code === "missing"
        ? `Listing and deciding do not need it. Install it, or set ${variable}, for what changes a ${engine} repository.`
        : (error.hint ?? `Check the program, or set ${variable} to another one.`),
    )
  }
}
