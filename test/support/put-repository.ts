import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fixture, scratch } from "./fixtures.js"

const lean = new Map<string, string>()

/**
 * Puts a copy of a fixture's repositories at a path, with the times of its files. Without the hundreds of empty folders that
 * restic prepares for packs: it does not need them, and a tree of many repositories is made of little else.
 */
export function putRepository(name: string, target: string): string {
  let source = lean.get(name)
  if (source === undefined) {
    source = join(scratch(), "lean")
    execFileSync("cp", ["-a", fixture(name), source])
    execFileSync("find", [source, "-path", "*/data/*", "-type", "d", "-empty", "-delete"])
    lean.set(name, source)
  }
  mkdirSync(dirname(target), { recursive: true })
  execFileSync("cp", ["-aT", source, target])
  return target
}
