import { fchmodSync, fchownSync, lstatSync, mkdirSync, rmdirSync } from "node:fs"
import { dirname } from "node:path"
import { errnoOf } from "../../errno.js"
import { HeldDirectory, isAbsent } from "../open-directory.js"
import { writeError } from "../store-file.js"

/**
 * Somebody may have removed the directory and what is around it. An empty one takes its place, so that there is one to exchange, with the
 * owner and mode of `from`, its state of then; so do those above it. Gives what was made, relative to the store, the topmost first.
 */
export function makeStandIn(root: HeldDirectory, inside: string, from: string): readonly string[] {
  const names = inside.split("/")
  const made: string[] = []
  let here = root.open(".")
  try {
    for (const [at, name] of names.entries()) {
      const above = here
      const path = names.slice(0, at + 1).join("/")
      try {
        here = above.open(name)
      } catch (error) {
        if (!isAbsent(error)) throw error
        here = makeLike(above, name, nthAbove(from, names.length - 1 - at))
        made.push(path)
      } finally {
        if (here !== above) above.close()
      }
    }
    return made
  } catch (error) {
    removeStandIn(root.path, made)
    throw error
  } finally {
    here.close()
  }
}

/** Removes what was made, as far as it is empty still. */
export function removeStandIn(store: string, made: readonly string[]): void {
  if (made.length === 0) return
  const root = HeldDirectory.at(store)
  try {
    for (const path of made.toReversed()) {
      const parent = root.open(dirname(path))
      try {
        rmdirSync(parent.entry(path.slice(path.lastIndexOf("/") + 1)))
      } catch (error) {
        // What somebody put there meanwhile stays; so does what was exchanged already.
        if (errnoOf(error) === undefined) throw error
      } finally {
        parent.close()
      }
    }
  } catch (error) {
    if (!isAbsent(error)) throw error
  } finally {
    root.close()
  }
}

function makeLike(above: HeldDirectory, name: string, like: string): HeldDirectory {
  const { uid, gid, mode } = lstatSync(like)
  try {
    mkdirSync(above.entry(name), { mode: 0o700 })
  } catch (cause) {
    throw writeError(cause, `${above.path}/${name}`)
  }
  const here = above.open(name)
  fchownSync(here.descriptor, uid, gid)
  fchmodSync(here.descriptor, mode & 0o7777)
  return here
}

function nthAbove(path: string, levels: number): string {
  let above = path
  for (let level = 0; level < levels; level++) above = dirname(above)
  return above
}
