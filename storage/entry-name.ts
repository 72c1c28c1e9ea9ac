import { StorageError } from "./errors.js"

const SLASH = 0x2f
const NUL = 0
const DOT = 0x2e
/** What no filesystem that movers run on exceeds. */
const LONGEST_NAME = 4096

/** Takes a name out of a snapshot, or refuses it as `corrupt`: it becomes a part of paths, here and wherever it is restored. */
export function checkedName(name: Uint8Array, what: string): Uint8Array {
  const isDots = name.length <= 2 && name.every((byte) => byte === DOT)
  if (!isDots && name.length <= LONGEST_NAME && !name.includes(SLASH) && !name.includes(NUL)) return name
  throw new StorageError("corrupt", `${what}: an entry has a name that no file can have`, {
    hint: "No backup program writes such a name: somebody made this directory by hand.",
  })
}
