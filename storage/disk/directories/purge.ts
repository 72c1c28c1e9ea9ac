import { StorageError } from "../../errors.js"
import { readMounts } from "../mountinfo.js"
import { Deletion, mounted, removeName } from "./deletion.js"
import { swapped } from "./failures.js"
import type { Pinned } from "./pinned.js"
import { keepRecord, openQuarantine, recordOf, removeRecord, type RetiredRecord } from "./quarantine.js"
import type { Steps } from "./steps.js"
import { openStore, type StoreRoot } from "./way.js"

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
