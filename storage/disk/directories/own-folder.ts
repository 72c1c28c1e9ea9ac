import { mkdirSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { STORE_FOLDER } from "../sentinel.js"
import { changeError, swapped, wrongKind } from "./failures.js"
import type { Pinned } from "./pinned.js"

/**
 * A folder in the store's own one, made for its owner alone where it is not there. What lies in it decides what is changed or deleted
 * later, so nobody else may write to it. Close it. Throws StorageError.
 */
export function openOwnFolder(store: Pinned, name: string, makes: "make"): Pinned
export function openOwnFolder(store: Pinned, name: string, makes: "look"): Pinned | undefined
export function openOwnFolder(store: Pinned, name: string, makes: "make" | "look"): Pinned | undefined {
  const own = store.child(STORE_FOLDER)
  if (own === undefined) {
    if (makes === "look") return undefined
    throw new StorageError("missing", `${store.path} has no folder of Cistern's own`, {
      facts: { file: store.path },
      hint: "Its root is a repository, or it was never accepted (`cistern stores`): what would have to be remembered has no place there.",
    })
  }
  try {
    refuseStrange(own, store)
    if (makes === "make") makeFolder(own, name)
    const folder = own.child(name)
    if (folder === undefined) {
      if (makes === "look") return undefined
      throw swapped(`${own.path}/${name}`)
    }
    try {
      refuseStrange(folder, own)
      return folder
    } catch (error) {
      folder.close()
      throw error
    }
  } finally {
    own.close()
  }
}

function makeFolder(own: Pinned, name: string): void {
  try {
    mkdirSync(own.under(name), { mode: 0o700 })
    own.sync()
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw changeError(cause, `${own.path}/${name}`, "cannot be made")
  }
}

function refuseStrange(folder: Pinned, above: Pinned): void {
  const { kind, mode, device } = folder.look()
  if (kind !== "directory") throw wrongKind(folder.path, kind === "link" ? "a link" : "a file")
  if (device !== above.look().device || folder.mountId() !== above.mountId()) {
    throw new StorageError("unsupported", `${folder.path} is another filesystem than the store`, {
      facts: { file: folder.path },
      hint: "Unmount it: what Cistern remembers of a store lies in the store itself.",
    })
  }
  if ((mode & 0o022) !== 0) {
    throw new StorageError("corrupt", `others than its owner may write to ${folder.path}`, {
      facts: { file: folder.path, mode: mode.toString(8) },
      hint: `Look at what is in it, then close it: chmod go-w ${folder.path}`,
    })
  }
}
