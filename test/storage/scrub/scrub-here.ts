import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { scrub, type ScrubOptions, type ScrubReport } from "../../../storage/scrub/index.js"
import { builtProgram } from "../../support/built.js"

/** Scrubs with real threads, and judges at once what may be being written, unless it is asked to wait. */
export function scrubHere(directory: string, options: Partial<ScrubOptions> = {}): Promise<ScrubReport> {
  // Node 20 cannot run the threads' TypeScript.
  const program = pathToFileURL(join(builtProgram(), "scrub-worker.js"))
  return scrub({ root: directory, processors: 2, settleMs: 0, program, ...options })
}

export const MIB = 1024 * 1024

/** Packs named as restic names them, with the folders around them. Gives their paths. */
export function writePacks(directory: string, count: number, length = MIB): string[] {
  for (const folder of ["keys", "snapshots", "index", "locks"])
    mkdirSync(join(directory, folder), { recursive: true })
  writeFileSync(join(directory, "config"), randomBytes(155))
  const put = (folder: (id: string) => string, bytes: Buffer): string => {
    const id = createHash("sha256").update(bytes).digest("hex")
    mkdirSync(join(directory, folder(id)), { recursive: true })
    writeFileSync(join(directory, folder(id), id), bytes)
    return join(directory, folder(id), id)
  }
  put(() => "keys", randomBytes(400))
  return Array.from({ length: count }, () => put((id) => `data/${id.slice(0, 2)}`, randomBytes(length)))
}
