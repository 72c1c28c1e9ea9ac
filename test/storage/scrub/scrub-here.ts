import { execFileSync } from "node:child_process"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { scrub, type ScrubOptions, type ScrubReport } from "../../../storage/scrub/index.js"
import { scratch } from "../../support/fixtures.js"

const root = join(import.meta.dirname, "../../..")
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

/** Scrubs with real threads, and judges at once what may be being written, unless it is asked to wait. */
export function scrubHere(directory: string, options: Partial<ScrubOptions> = {}): Promise<ScrubReport> {
  // Node 20 cannot run the threads' TypeScript.
  const program = pathToFileURL(join(builtProgram(), "scrub-worker.js"))
  return scrub({ root: directory, processors: 2, settleMs: 0, program, ...options })
}
