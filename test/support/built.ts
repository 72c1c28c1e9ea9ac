import { execFileSync } from "node:child_process"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { scratch } from "./fixtures.js"

const root = join(import.meta.dirname, "../..")
let built: string | undefined

/** The folder of the program as it is installed, for what runs in a process or a thread of its own. */
export function builtProgram(): string {
  if (built === undefined) {
    const place = scratch()
    // Beside the packages that no bundle holds.
    symlinkSync(join(root, "node_modules"), join(place, "node_modules"))
    built = join(place, "dist")
    execFileSync(process.execPath, [join(root, "scripts/build.mjs"), built], { stdio: "ignore" })
  }
  return built
}
