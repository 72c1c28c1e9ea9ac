import { execFile, execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { findProgram } from "../../support/programs.js"
import { scratch } from "../../support/fixtures.js"

/** Files by path as latin1 text, with the SHA-256 of what is in them. */
export type Files = ReadonlyMap<string, string>

/** What the real program gets out of each of the snapshots, going on past what it cannot. */
export type RealRestore = (
  directory: string,
  password: string,
  snapshots: readonly string[],
) => Promise<ReadonlyMap<string, Files>>

/** Each restore takes a processor for itself, and the machine has others to serve. */
const AT_ONCE = 2

export const resticRestore: RealRestore = (directory, password, snapshots) =>
  eachOf(snapshots, async (snapshot) => {
    const target = join(scratch(), "restored")
    const words = ["--no-cache", "--no-lock", "--repo", directory, "restore", snapshot, "--target", target]
    await run(findProgram("restic") ?? "restic", words, { RESTIC_PASSWORD: password })
    return filesIn(target)
  })

export const kopiaRestore: RealRestore = async (directory, password, snapshots) => {
  const home = scratch()
  const environment = {
    KOPIA_PASSWORD: password,
    HOME: home,
    KOPIA_CONFIG_PATH: join(home, "config"),
    KOPIA_CACHE_DIRECTORY: join(home, "cache"),
    KOPIA_LOG_DIR: join(home, "log"),
    KOPIA_CHECK_FOR_UPDATES: "false",
  }
  const kopia = findProgram("kopia") ?? "kopia"
  // Once for all: stretching the password is half of what a restore costs.
  await run(kopia, ["repository", "connect", "filesystem", "--path", directory, "--readonly"], environment)
  return eachOf(snapshots, async (snapshot) => {
    const target = join(scratch(), "restored")
    await run(kopia, ["snapshot", "restore", "--ignore-errors", snapshot, target], environment)
    return filesIn(target)
  })
}

async function eachOf(
  snapshots: readonly string[],
  restore: (snapshot: string) => Promise<Files>,
): Promise<ReadonlyMap<string, Files>> {
  const restored = new Map<string, Files>()
  const left = snapshots.values()
  const work = async (): Promise<void> => {
    for (const snapshot of left) restored.set(snapshot, await restore(snapshot))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return restored
}

/** The exit code is no answer: it is 1 as soon as one file failed. */
function run(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env["PATH"], ...environment }
    execFile(program, words, { env, timeout: 120_000 }, (error) => {
      if (error === null || typeof error.code === "number") resolve()
      // Ended by a signal, or never begun: then it said nothing of the repository.
      else reject(new Error(`${program} gave no answer`, { cause: error }))
    })
  })
}

function filesIn(directory: string): Files {
  const files = new Map<string, string>()
  const walk = (folder: Buffer, path: string): void => {
    for (const name of names(folder)) {
      const file = Buffer.concat([folder, Buffer.from("/"), name])
      const below = path === "" ? name.toString("latin1") : `${path}/${name.toString("latin1")}`
      const stats = lstatSync(file)
      if (stats.isDirectory()) walk(file, below)
      else if (stats.isFile()) files.set(below, createHash("sha256").update(readFileSync(file)).digest("hex"))
    }
  }
  walk(Buffer.from(directory), "")
  return files
}

function names(folder: Buffer): Buffer[] {
  try {
    return readdirSync(folder, { encoding: "buffer" })
  } catch {
    // Nothing at all was restored.
    return []
  }
}

/** Files that one restore has and the other has not, or has otherwise. */
export function lostFiles(whole: Files, damaged: Files): string[] {
  return [...whole]
    .filter(([path, hash]) => damaged.get(path) !== hash)
    .map(([path]) => path)
    .sort()
}

/** The files that damaged paths stand for: of a directory all that are below it. */
export function filesOf(whole: Files, paths: readonly string[]): string[] {
  return [...whole.keys()]
    .filter((file) => paths.some((path) => path === "" || file === path || file.startsWith(`${path}/`)))
    .sort()
}

/** restic before 0.17 tries what failed again for a quarter of an hour. */
export function isPatient(program: string): boolean {
  if (program !== "restic") return false
  const version = execFileSync(findProgram(program) ?? program, ["version"], { encoding: "utf8" })
  return /^restic 0\.(?:\d|1[0-6])\./.test(version)
}
