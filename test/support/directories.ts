import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach } from "vitest"
import type { Steps, StoreRoot } from "../../storage/disk/index.js"
import { locate } from "../../storage/disk/index.js"
import { scratch } from "./fixtures.js"

const swappers = new Set<ChildProcess>()

afterEach(() => {
  for (const child of swappers) child.kill("SIGKILL")
  swappers.clear()
})

/** A store directory with a folder of ours, as its fence would know it. */
export function storeAt(path = scratch(), mounts: readonly string[] = []): StoreRoot & { path: string } {
  mkdirSync(join(path, ".cistern"), { recursive: true })
  chmodSync(path, 0o755)
  const { realPath, mountPoint } = locate(path)
  return { path, realPath, mountPoint, mounts }
}

/** All steps at once. `between` is called at each pause. */
export function finish<T>(steps: Steps<T>, between: () => void = () => undefined): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    between()
  }
}

/** Everything below a directory, by its path in it: "uid:gid mode". */
export function ownersBelow(directory: string): Record<string, string> {
  const owners: Record<string, string> = {}
  const look = (path: string, name: string): void => {
    const stats = lstatSync(path)
    owners[name] = `${stats.uid}:${stats.gid} ${(stats.mode & 0o7777).toString(8)}`
    if (stats.isDirectory()) for (const inner of readdirSync(path)) look(join(path, inner), join(name, inner))
  }
  look(directory, ".")
  return owners
}

/**
 * A directory that nobody may change: whatever follows a link out of a store would. `names`: files in it, of the same names as what
 * somebody is about to change.
 */
export function canary(names: readonly string[] = []): { path: string; state: () => string } {
  const path = scratch()
  mkdirSync(join(path, "inner"))
  for (const name of ["file", ...names]) writeFileSync(join(path, name), "precious")
  writeFileSync(join(path, "inner/file"), "precious")
  return {
    path,
    state: () =>
      execFileSync("find", [path, "-printf", "%p %U:%G %m %s %T@ %C@\\n"], { encoding: "utf8" })
        .split("\n")
        .sort()
        .join("\n"),
  }
}

/**
 * Swaps a directory with a link to `target`, over and over, in a process of its own, until `stop` is called, which gives how often. A
 * directory that is not there at the moment stays so; what somebody makes in its place meanwhile goes.
 */
export async function swapping(directory: string, target: string): Promise<{ stop: () => Promise<number> }> {
  const script = `
    const { lstatSync, renameSync, rmSync, symlinkSync, unlinkSync, writeSync } = require("node:fs")
    const [directory, target] = process.argv.slice(1)
    let rounds = 0, ends = false
    process.on("SIGTERM", () => { ends = true })
    const attempt = (act) => { try { act(); return true } catch { return false } }
    const round = () => {
      for (let at = 0; at < 200; at++) {
        attempt(() => renameSync(directory, directory + ".aside"))
        attempt(() => symlinkSync(target, directory))
        attempt(() => unlinkSync(directory))
        const back = () => renameSync(directory + ".aside", directory)
        const aside = attempt(back) ? undefined : lstatSync(directory + ".aside", { throwIfNoEntry: false })
        if (aside?.isSymbolicLink()) attempt(() => unlinkSync(directory + ".aside"))
        else if (aside !== undefined) attempt(() => rmSync(directory, { recursive: true }))
        // The directory is there about as long as it is not.
        for (let look = 0; look < 15; look++) attempt(() => lstatSync(directory))
        rounds++
      }
      if (!ends) return setImmediate(round)
      writeSync(1, String(rounds))
    }
    writeSync(1, "swapping ")
    round()`
  const child = spawn(process.execPath, ["-e", script, directory, target], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  swappers.add(child)
  let said = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text))
  await once(child.stdout, "data")
  return {
    stop: async () => {
      child.kill("SIGTERM")
      await once(child, "close")
      return Number(said.replace("swapping ", ""))
    },
  }
}
