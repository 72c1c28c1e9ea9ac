import { isIgnoredName } from "../kopia/directory-names.js"
import type { Damage, Inventory, StoredFile } from "./stored-file.js"
import type { Walked } from "./walk-files.js"

export function isCopyFolder(folder: string): boolean {
  return !isIgnoredName(folder.slice(folder.lastIndexOf("/") + 1))
}

/** Sorts a tree that rclone or rsync wrote, by a manifest: what it names must be there; of the rest only a ledger knows anything. */
export function copyInventory(walked: Walked, manifest: ReadonlyMap<string, string>): Inventory {
  const there = new Set(walked.files.map(({ path }) => path))
  const files: StoredFile[] = walked.files.map((file) => ({
    ...file,
    sha256: manifest.get(file.path),
    rewritten: true,
    oftenRewritten: true,
    sealed: false,
  }))
  const missing = [...manifest.keys()].filter((path) => !there.has(path))
  const damage: Damage[] = missing.map((blob) => ({ blob, code: "missing" }))
  return {
    engine: "copy",
    files,
    damage: [...walked.damage, ...damage],
    unread: walked.unread,
    temporary: [],
    foreign: walked.others,
  }
}
