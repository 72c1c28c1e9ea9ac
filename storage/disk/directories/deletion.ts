import { rmdirSync, unlinkSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { changeError } from "./failures.js"
import type { Pinned } from "./pinned.js"
import { STEP, type Steps } from "./steps.js"

/** Deeper than a client can make paths that it can still name. */
const DEEPEST = 256

/** Everything below one directory, and nothing else: no link is followed, no other filesystem entered. */
export class Deletion {
  readonly #top: Pinned
  readonly #device: string
  readonly #mount: number
  #deleted = 0

  constructor(top: Pinned) {
    this.#top = top
    this.#device = top.look().device
    this.#mount = top.mountId()
  }

  *all(): Steps<number> {
    yield* this.#empty(this.#top, 1)
    return this.#deleted
  }

  *#empty(folder: Pinned, level: number): Steps<void> {
    if (level > DEEPEST) {
      throw new StorageError("unsupported", `${folder.path} lies too deep`, {
        hint: "Delete it by hand, and purge again.",
      })
    }
    for (const name of folder.names()) {
      const entry = folder.child(name)
      if (entry === undefined) continue
      try {
        const { kind, device } = entry.look()
        if (kind === "directory") {
          if (device !== this.#device || entry.mountId() !== this.#mount) throw mounted(entry.path)
          yield* this.#empty(entry, level + 1)
        }
        removeName(folder, name, kind)
      } finally {
        entry.close()
      }
      if (++this.#deleted % STEP === 0) yield this.#deleted
    }
  }
}

export function mounted(path: string): StorageError {
  return new StorageError("unsupported", `another filesystem is mounted at ${path}`, {
    facts: { file: path },
    hint: "Unmount it first: what is on it is not deleted.",
  })
}

export function removeName(folder: Pinned, name: string, kind: string): void {
  try {
    if (kind === "directory") rmdirSync(folder.under(name))
    else unlinkSync(folder.under(name))
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return
    throw changeError(
      cause,
      `${folder.path}/${Buffer.from(name, "latin1").toString("utf8")}`,
      "cannot be deleted",
    )
  }
}
