import { cpSync } from "node:fs"
import { join } from "node:path"
import type { ClientFiles } from "../../storage/nfs/index.js"
import { scratch } from "./fixtures.js"

/** A moment of test/fixtures/nfsd. */
export type NfsdMoment = "stopped" | "idle" | "mounted" | "open" | "cut-26s" | "unmounted"

/** Never change what is there. */
export function nfsdFixture(moment: NfsdMoment): ClientFiles {
  return filesIn(join(import.meta.dirname, "../fixtures/nfsd", moment))
}

/** A copy that a test may damage. */
export function nfsdCopy(moment: NfsdMoment): ClientFiles {
  const copy = join(scratch(), moment)
  cpSync(join(import.meta.dirname, "../fixtures/nfsd", moment), copy, { recursive: true })
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
