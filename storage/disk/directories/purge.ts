import { rmdirSync, unlinkSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { readMounts } from "../mountinfo.js"
import { changeError, swapped } from "./failures.js"
import type { Pinned } from "./pinned.js"
import { keepRecord, openQuarantine, recordOf, removeRecord, type RetiredRecord } from "./quarantine.js"
import { STEP, type Steps } from "./steps.js"
import { openStore, type StoreRoot } from "./way.js"

/** Deeper than a client can make paths that it can still name. */
const DEEPEST = 256

/**
 * Deletes what was retired under this id, for good, after its holding period. Undefined: there is none of that id. It can be repeated
 * after it was stopped. Throws StorageError.
 */
export function* purgeDirectory(
  store: StoreRoot,
  id: string,
  now: Date,
): Steps<{ readonly record: RetiredRecord; readonly deleted: number } | undefined> {
  const root = openStore(store)
  const quarantine = openQuarantine(root, "look")
  try {
    const record = quarantine && recordOf(quarantine, id)
    if (quarantine === undefined || record === undefined) return undefined
    refuseHeld(record, now)
    const directory = quarantine.child(id)
    if (directory === undefined) {
      removeRecord(quarantine, id)
      return { record, deleted: 0 }
    }
    try {
      const { kind, inode } = directory.look()
      if (inode !== record.inode) throw swapped(directory.path)
      refuseMounts(directory)
      keepRecord(quarantine, { ...record, purging: true })
      const deleted = kind === "directory" ? yield* new Deletion(directory).all() : 0
      removeName(quarantine, id, kind)
      removeRecord(quarantine, id)
      return { record, deleted }
    } finally {
      directory.close()
    }
  } finally {
    quarantine?.close()
    root.close()
  }
}

function refuseHeld({ id, holdUntil }: RetiredRecord, now: Date): void {
  if (now.getTime() >= Date.parse(holdUntil)) return
  throw new StorageError("invalid", `${id} is held until ${holdUntil}`, {
    facts: { holdUntil },
    hint: "Nothing is deleted before; `cistern directories restore` puts it back.",
  })
}

function refuseMounts({ path }: Pinned): void {
  const inside = readMounts().find(
    ({ mountPoint }) => mountPoint === path || mountPoint.startsWith(`${path}/`),
  )
  if (inside !== undefined) throw mounted(inside.mountPoint)
}

function mounted(path: string): StorageError {
  return new StorageError("unsupported", `another filesystem is mounted at ${path}`, {
    facts: { file: path },
    hint: "Unmount it first: what is on it is not deleted.",
  })
}

/** Everything below one directory, and nothing else: no link is followed, no other filesystem entered. */
class Deletion {
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

function removeName(folder: Pinned, name: string, kind: string): void {
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
