import { closeSync, openSync, writeSync } from "node:fs"
import { randomBytes } from "node:crypto"

const MIB = 1024 * 1024

/** A file of so many megabytes that nothing makes smaller. */
export function randomFile(path: string, megabytes: number): void {
  const file = openSync(path, "w")
  for (let at = 0; at < megabytes; at += 16) writeSync(file, randomBytes(Math.min(16, megabytes - at) * MIB))
  closeSync(file)
}
