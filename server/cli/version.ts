import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** The package's own version, from the package.json above this file: the checkout's or the installed one. */
export function version(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const found = readPackage(join(directory, "package.json"))
    if (found !== undefined) return found
    if (directory === dirname(directory)) return "unknown"
  }
}

function readPackage(file: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; version?: unknown }
    return name === "cistern" && typeof version === "string" ? version : undefined
  } catch {
    // Not there, or not ours: the one above is asked next.
    return undefined
  }
}
