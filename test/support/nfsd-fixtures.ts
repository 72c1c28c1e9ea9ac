import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { ClientFiles } from "../../storage/nfs/index.js"
import { scratch } from "./fixtures.js"

/** A moment of test/fixtures/nfsd. */
export type NfsdMoment = "stopped" | "idle" | "mounted" | "open" | "cut-26s" | "unmounted"

/** A copy, which a test may damage. */
export function nfsdFixture(moment: NfsdMoment): ClientFiles {
  const copy = join(scratch(), moment)
  cpSync(join(import.meta.dirname, "../fixtures/nfsd", moment), copy, { recursive: true })
  // It was there at every moment, mostly empty: git keeps no empty folders.
  mkdirSync(join(copy, "nfsd/clients"), { recursive: true })
  return filesIn(copy)
}

function filesIn(folder: string): ClientFiles {
  return {
    nfsd: join(folder, "nfsd"),
    net: join(folder, "net"),
    rmtab: join(folder, "lib/rmtab"),
    mountinfo: join(folder, "mountinfo"),
  }
}
