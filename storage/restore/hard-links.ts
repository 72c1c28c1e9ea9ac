import { createHash } from "node:crypto"
import { linkSync, unlinkSync } from "node:fs"
import { type Entry, isSame, Pinned } from "../disk/directories/pinned.js"
import { nameOfBytes } from "../disk/directories/names.js"
import { swapped } from "../disk/directories/failures.js"
import { errnoOf } from "../errno.js"
import type { Spot } from "./spot.js"
import { namesOf } from "./spot.js"

interface FirstName {
  readonly spot: Spot
  readonly identity: Pick<Entry, "device" | "inode">
  readonly bytes: number
}

/** The files that have several names: where the first of each was restored. */
export class HardLinks {
  readonly #top: Pinned
  readonly #first = new Map<string, FirstName>()

  constructor(top: Pinned) {
    this.#top = top
  }

  remember(sameFile: string, spot: Spot, file: Pick<Entry, "device" | "inode">, bytes: number): void {
    // Millions of them are kept, and the words of the engine are long.
    this.#first.set(keyOf(sameFile), { spot, identity: { device: file.device, inode: file.inode }, bytes })
  }

  /**
   * Gives the file one name more. Undefined when it has none yet; a text says why the system refused it. Throws StorageError `unstable` when
   * something else has the first name now.
   */
  link(sameFile: string, into: Pinned, name: string): { readonly bytes: number } | string | undefined {
    const first = this.#first.get(keyOf(sameFile))
    if (first === undefined) return undefined
    const folder = this.#open(first.spot.above)
    if (folder === undefined) return "its first name cannot be reached any more"
    try {
      linkSync(folder.under(nameOfBytes(first.spot.name)), into.under(name))
    } catch (error) {
      const errno = errnoOf(error)
      if (errno !== undefined && REFUSALS.has(errno)) return `the system refuses it (${errno})`
      throw error
    } finally {
      folder.close()
    }
    const made = into.child(name)
    try {
      if (made !== undefined && isSame(made.look(), first.identity)) return { bytes: first.bytes }
    } finally {
      made?.close()
    }
    unlinkSync(into.under(name))
    throw swapped(`${into.path}/${Buffer.from(name, "latin1").toString("utf8")}`)
  }

  /** From the top, without following links; undefined when that is not possible. */
  #open(spot: Spot | undefined): Pinned | undefined {
    let folder = Pinned.directoryAt(`${this.#top.self}/.`)
    for (const name of spot === undefined ? [] : namesOf(spot)) {
      const above = folder
      try {
        const child = above.child(nameOfBytes(name))
        if (child === undefined) return undefined
        folder = child
      } catch {
        return undefined
      } finally {
        above.close()
      }
    }
    return folder
  }
}

const REFUSALS = new Set(["EMLINK", "EPERM", "EACCES", "EXDEV", "ENOENT", "ENOTDIR", "EOPNOTSUPP"])

function keyOf(sameFile: string): string {
  return createHash("sha256").update(sameFile).digest("base64").slice(0, 24)
}
