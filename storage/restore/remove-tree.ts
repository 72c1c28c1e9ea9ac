import { chmodSync, rmdirSync, unlinkSync } from "node:fs"
import { type Entry, isSame, type Pinned } from "../disk/directories/pinned.js"
import { mounted } from "../disk/directories/deletion.js"
import { swapped } from "../disk/directories/failures.js"
import { errnoOf } from "../errno.js"
import { diskFailure } from "./outcome.js"

/** Held open at once; those further above are found again by "..". */
const MOST_HELD = 64
/** Between two pauses, in which everybody else has a turn. */
const STEP = 500

interface Level {
  readonly name: string
  readonly identity: Pick<Entry, "device" | "inode">
  directory: Pinned | undefined
  /** Of directories in it, still to be removed. */
  readonly names: string[]
}

/**
 * Removes everything in a directory, however deep: follows no link, and enters nothing that is mounted there. Throws StorageError
 * `unsupported` for something mounted, `unstable` when somebody moves what is being removed, `io`, `unreadable`.
 */
export async function removeAllIn(top: Pinned): Promise<void> {
  const { device } = top.look()
  const mount = top.mountId()
  const levels: Level[] = []
  let removed = 0
  const open = (directory: Pinned, name: string): void => {
    const level = { name, identity: directory.look(), directory, names: [] as string[] }
    levels.push(level)
    const far = levels.at(-1 - MOST_HELD)
    if (far?.directory !== undefined && far.directory !== top) {
      far.directory.close()
      far.directory = undefined
    }
    // It was restored with a mode that may keep its own owner out.
    chmodSync(directory.self, 0o700)
    for (const one of directory.names()) if (!removeEntry(directory, one)) level.names.push(one)
  }
  try {
    open(top, "")
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      if (++removed % STEP === 0) await new Promise(setImmediate)
      const directory = held(level)
      const name = level.names.pop()
      if (name !== undefined) {
        const child = directory.child(name)
        if (child === undefined) continue
        if (child.look().device !== device || child.mountId() !== mount) {
          child.close()
          throw mounted(`${top.path}/…/${Buffer.from(name, "latin1").toString("utf8")}`)
        }
        open(child, name)
        continue
      }
      levels.pop()
      const above = levels.at(-1)
      if (above === undefined) break
      above.directory ??= aboveOf(directory, above)
      directory.close()
      rmdirSync(above.directory.under(level.name))
    }
  } catch (error) {
    throw diskFailure(error, top.path)
  } finally {
    for (const { directory } of levels) if (directory !== top) directory?.close()
  }
}

/** False for a directory. */
function removeEntry(directory: Pinned, name: string): boolean {
  try {
    unlinkSync(directory.under(name))
    return true
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === "ENOENT") return true
    // Linux says the one, POSIX the other.
    if (errno === "EISDIR" || errno === "EPERM") return false
    throw error
  }
}

function aboveOf(directory: Pinned, level: Level): Pinned {
  const above = directory.child("..")
  if (above !== undefined && isSame(above.look(), level.identity)) return above
  above?.close()
  throw swapped(directory.path)
}

function held({ directory }: Level): Pinned {
  if (directory !== undefined) return directory
  throw new Error("a directory was let go too early")
}
