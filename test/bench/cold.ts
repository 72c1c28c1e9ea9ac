import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"

// Work that begins with nothing of a repository in memory.

export const MB = 1_000_000

/** The command line of ours, as it is built. */
export const cli = join(import.meta.dirname, "../../../../dist/cistern.js")

/** Bytes that nothing makes smaller. */
export function writeRandom(file: string, megabytes: number): void {
  const descriptor = openSync(file, "w")
  for (let done = 0; done < megabytes; done++) writeSync(descriptor, randomBytes(MB))
  closeSync(descriptor)
}

/** Milliseconds of `work`, the page cache dropped before. `programs` are run once before: they are not what is measured. */
export function cold(programs: readonly (readonly string[])[], work: () => void): number {
  execFileSync("sync")
  writeFileSync("/proc/sys/vm/drop_caches", "3")
  for (const [program = "", ...args] of programs) spawnSync(program, args, { stdio: "ignore" })
  const started = performance.now()
  work()
  return performance.now() - started
}

/** Runs a program; the most memory that it held, in bytes. Throws when it fails. */
export function peakOf(environment: NodeJS.ProcessEnv, ...command: readonly string[]): number {
  const script =
    "import resource,subprocess,sys;r=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);sys.exit(r.returncode)"
  const env = { ...process.env, ...environment }
  return Number(execFileSync("python3", ["-c", script, ...command], { encoding: "utf8", env })) * 1024
}
