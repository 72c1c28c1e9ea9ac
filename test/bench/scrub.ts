import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { readdirSync, rmSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { findProgram, runRestic } from "../support/programs.js"
import { cli, cold, MB, peakOf, writeRandom } from "./cold.js"
import { median } from "./measure.js"
import type { BenchContext, Figure, Row } from "./row.js"

const PASSWORD = "bench"

/** Reading a repository of the real restic from the disk, beside the disk, the hash and restic itself in the same run. */
export async function scrubRows(context: BenchContext): Promise<Row[]> {
  const restic = findProgram("restic")
  if (restic === undefined) throw new Error("no restic here")
  const directory = context.scratch("repository")
  const megabytes = context.quick ? 128 : 1024
  writeRepository(context, directory, megabytes)
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const programs = [
    [process.execPath, cli, "scrub", "--at", context.scratch("nothing")],
    [restic, "version"],
  ]
  const scrubs: number[] = []
  const disks: number[] = []
  const checks: number[] = []
  let peak = 0
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    // In turns, because other work on this machine comes and goes.
    disks.push(
      rate(programs, megabytes, () => execFileSync("cat", files, { stdio: ["ignore", "ignore", "inherit"] })),
    )
    scrubs.push(
      rate(programs, megabytes, () => {
        peak = Math.max(
          peak,
          peakOf({}, process.execPath, cli, "scrub", "--at", directory, "--progress", "none"),
        )
      }),
    )
    checks.push(
      rate(programs, megabytes, () => {
        runRestic(directory, PASSWORD, "check", "--read-data", "--no-lock", "--no-cache")
      }),
    )
  }
  const hash = hashRate()
  const slower = Math.min(median(disks), hash)
  const peers: Figure[] = [
    { who: "cat of the same files", value: median(disks), note: "buffered, caches dropped" },
    { who: "SHA-256 in memory, all cores", value: hash, note: `${availableParallelism()} cores` },
    { who: "the slower of the two", value: slower },
    { who: "restic check --read-data", value: median(checks) },
  ]
  const what = `scrub of ${megabytes} MB by restic, from the disk`
  return [
    {
      what,
      unit: "MB/s",
      ours: { who: "cistern scrub", value: median(scrubs), note: "the whole process" },
      peers,
      budget: "at least 0.9 of the slower of disk and SHA-256, 3 × restic check",
    },
    {
      what: `${what}: resident memory at its most`,
      unit: "MB",
      ours: { who: "cistern scrub", value: peak / MB },
      peers: [],
      budget: "below 300 MB",
    },
  ]
}

function writeRepository(context: BenchContext, directory: string, megabytes: number): void {
  const source = join(context.scratch("source"), "data")
  writeRandom(source, megabytes)
  runRestic(directory, PASSWORD, "init")
  runRestic(directory, PASSWORD, "backup", "--no-cache", source)
  rmSync(source)
}

function rate(programs: readonly (readonly string[])[], megabytes: number, work: () => void): number {
  return (megabytes * 1000) / cold(programs, work)
}

/** What all cores hash at most: one core's rate in this process, times their number. */
function hashRate(): number {
  const piece = randomBytes(512 * 1024)
  const started = performance.now()
  let bytes = 0
  while (performance.now() - started < 1000) {
    createHash("sha256").update(piece).digest()
    bytes += piece.length
  }
  return (bytes / MB / ((performance.now() - started) / 1000)) * availableParallelism()
}
