import type { Damage, Inventory, StoredFile } from "./stored-file.js"
import type { Walked } from "./walk-files.js"

const FOLDERS = ["keys", "snapshots", "index", "data", "locks"]
const HASH_NAMED = /^(?:(?:keys|snapshots|index|locks)|data\/([0-9a-f]{2}))\/([0-9a-f]{64})$/
const HASH_SOMEWHERE = /^data\/(?:.*\/)?([0-9a-f]{64})$/
// restic's own, rest-server's, and what NFS makes of a file that is removed while it is open.
const TEMPORARY = /-tmp-\d+$|\.rest-server-temp\d*$|(?:^|\/)\.nfs[^/]*$/

/** restic's folders; what else lies in a repository is not entered. */
export function isResticFolder(folder: string): boolean {
  return FOLDERS.includes(folder.split("/", 1)[0] ?? "")
}

/** Sorts what lies in a restic repository. All files but config are named after the SHA-256 of their bytes. */
export function resticInventory(walked: Walked): Inventory {
  const files: StoredFile[] = []
  const temporary: string[] = []
  const foreign: string[] = []
  const astray: { readonly blob: string; readonly id: string }[] = []
  for (const file of walked.files) {
    const [, folder, id] = HASH_NAMED.exec(file.path) ?? []
    const strayId = HASH_SOMEWHERE.exec(file.path)?.[1]
    if (id !== undefined && (folder === undefined || id.startsWith(folder))) {
      files.push({ ...file, sha256: id, rewritten: false, oftenRewritten: false, sealed: true })
    } else if (file.path === "config") {
      // Only a change of the repository's format writes it again.
      files.push({ ...file, sha256: undefined, rewritten: true, oftenRewritten: false, sealed: true })
    } else if (strayId !== undefined) astray.push({ blob: file.path, id: strayId })
    else if (TEMPORARY.test(file.path)) temporary.push(file.path)
    else foreign.push(file.path)
  }
  const damage: Damage[] = [...walked.damage]
  const has = (start: string): boolean => files.some(({ path }) => path.startsWith(start))
  if (!has("config")) damage.push({ blob: "config", code: "missing" })
  if (!has("keys/") && walked.unread.length === 0) damage.push({ blob: "keys", code: "missing" })
  const paths = astray.length === 0 ? new Set<string>() : new Set(files.map(({ path }) => path))
  for (const { blob, id } of astray) {
    if (paths.has(`data/${id.slice(0, 2)}/${id}`)) foreign.push(blob)
    else damage.push({ blob, code: "misplaced" })
  }
  return {
    engine: "restic",
    files,
    damage,
    unread: walked.unread,
    temporary,
    foreign: [...foreign, ...walked.others],
  }
}
