import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** This program as it is installed, or in a checkout. */
export interface Package {
  readonly directory: string
  readonly version: string
}

/** By the package.json above this file, from the source and from the bundle alike; undefined where there is none. */
export function ownPackage(): Package | undefined {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const version = versionIn(join(directory, "package.json"))
    if (version !== undefined) return { directory, version }
    if (directory === dirname(directory)) return undefined
  }
}

function versionIn(file: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; version?: unknown }
    return name === "cistern" && typeof version === "string" ? version : undefined
  } catch {
    // Not there, or not ours: the one above is asked next.
    return undefined
  }
}
