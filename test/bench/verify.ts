import { execFileSync } from "node:child_process"
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { findProgram, runRestic } from "../support/programs.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { cli, cold, MB, peakOf, writeRandom } from "./cold.js"
import { median } from "./measure.js"
import type { BenchContext, Figure, Row } from "./row.js"

const PASSWORD = "bench"
const secret = { BENCH_PASSWORD: PASSWORD }

/** Proving repositories of the real engines, beside the engines in the same run, and what a million contents take. */
export function verifyRows(context: BenchContext): Promise<Row[]> {
  const megabytes = context.quick ? 64 : 1024
  const source = context.scratch("source")
  // Of several files, as volumes are.
  for (let at = 0; at < 8; at++) writeRandom(join(source, `file-${at}`), megabytes / 8)
  return Promise.resolve([
    ...resticRows(context, source, megabytes),
    ...kopiaRows(context, source, megabytes),
    ...manyContents(context),
  ])
}

function verify(directory: string, ...more: readonly string[]): string[] {
  const where = ["--at", directory, "--password-env", "BENCH_PASSWORD", "--progress", "none", "--json"]
  return [process.execPath, cli, "verify", ...where, ...more]
}

/** Gives how many contents it read. */
function contentsRead(...command: readonly string[]): number {
  const [program = "", ...args] = command
  const said = execFileSync(program, args, { encoding: "utf8", env: { ...process.env, ...secret } })
  return (JSON.parse(said) as { counts: { read: number } }).counts.read
}

function resticRows(context: BenchContext, source: string, megabytes: number): Row[] {
  const restic = findProgram("restic")
  if (restic === undefined) throw new Error("no restic here")
  const directory = context.scratch("restic")
  runRestic(directory, PASSWORD, "init")
  runRestic(directory, PASSWORD, "backup", source)
  const rows = inTurns(context, `restic, ${megabytes} MB`, megabytes, directory, [
    {
      who: "restic check --read-data",
      program: [restic, "version"],
      run: () => runRestic(directory, PASSWORD, "check", "--read-data", "--no-lock"),
    },
  ])
  const memory = join(context.scratch("memory"), "memory")
  const first = cold([], () => contentsRead(...verify(directory, "--deep", "--memory", memory)))
  appendFileSync(join(source, "file-0"), "new")
  runRestic(directory, PASSWORD, "backup", source)
  let read = 0
  const second = cold([], () => {
    read = contentsRead(...verify(directory, "--deep", "--memory", memory))
  })
  return [
    ...rows,
    {
      what: "deep verify once more, after one new snapshot",
      unit: "ms",
      ours: { who: "cistern verify --deep --memory", value: second, note: `${read} contents read` },
      peers: [{ who: "the first one", value: first }],
      budget: "reads only what is new",
    },
  ]
}

function kopiaRows(context: BenchContext, source: string, megabytes: number): Row[] {
  const kopia = findProgram("kopia")
  const what = `kopia, ${megabytes} MB`
  if (kopia === undefined)
    return [
      {
        what: `deep verify, ${what}`,
        unit: "MB/s",
        ours: { who: "cistern verify --deep", value: undefined, note: "no kopia here" },
        peers: [],
        budget: "faster than kopia snapshot verify --verify-files-percent=100; none beside restic",
      },
    ]
  const directory = context.scratch("kopia")
  const home = context.scratch("kopia-home")
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    KOPIA_PASSWORD: PASSWORD,
    KOPIA_CONFIG_PATH: join(home, "repository.config"),
    KOPIA_CACHE_DIRECTORY: join(home, "cache"),
    KOPIA_LOG_DIR: join(home, "log"),
    KOPIA_CHECK_FOR_UPDATES: "false",
  }
  const run = (...args: readonly string[]): void => {
    execFileSync(kopia, args, { env, stdio: ["ignore", "ignore", "pipe"] })
  }
  run("repository", "create", "filesystem", "--path", directory)
  run("snapshot", "create", source)
  return inTurns(context, what, megabytes, directory, [
    {
      who: "kopia snapshot verify, all files",
      program: [kopia, "--version"],
      // What it has in its own cache it does not read.
      before: () => {
        run("cache", "clear")
      },
      run: () => {
        run("snapshot", "verify", "--verify-files-percent=100")
      },
    },
  ])
}

interface Peer {
  readonly who: string
  readonly program: readonly string[]
  readonly before?: () => void
  readonly run: () => unknown
}

function inTurns(
  context: BenchContext,
  what: string,
  megabytes: number,
  directory: string,
  peers: readonly Peer[],
): Row[] {
  const programs = [[process.execPath, cli, "--version"], ...peers.map(({ program }) => program)]
  const rates = new Map<string, number[]>()
  const who = "cistern verify --deep"
  let peak = 0
  const note = (name: string, work: () => void): void => {
    rates.set(name, [...(rates.get(name) ?? []), (megabytes * 1000) / cold(programs, work)])
  }
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    note(who, () => {
      peak = Math.max(peak, peakOf(secret, ...verify(directory, "--deep")))
    })
    for (const peer of peers) {
      peer.before?.()
      note(peer.who, () => {
        peer.run()
      })
    }
  }
  const figure = (name: string): Figure => ({ who: name, value: median(rates.get(name) ?? []) })
  return [
    {
      what: `deep verify, ${what}`,
      unit: "MB/s",
      ours: { ...figure(who), note: "the whole process" },
      peers: peers.map((peer) => figure(peer.who)),
      budget: "faster than kopia snapshot verify --verify-files-percent=100; none beside restic",
    },
    {
      what: `deep verify, ${what}: resident memory at its most`,
      unit: "MB",
      ours: { who, value: peak / MB },
      peers: [],
      budget: "below 300 MB",
    },
  ]
}

function manyContents(context: BenchContext): Row[] {
  const [snapshots, contents] = context.quick ? [500, 20_000] : [10_000, 1_000_000]
  const directory = context.scratch("many")
  const inEach = 20
  writeSyntheticKopia(directory, {
    password: PASSWORD,
    snapshots,
    identities: snapshots,
    indexBlobs: 20,
    packsMentioned: contents / inEach,
    contentsInEach: inEach,
  })
  let peak = 0
  const milliseconds = cold([], () => {
    peak = peakOf(secret, ...verify(directory))
  })
  const what = `verify of ${snapshots} snapshots, indexes of ${contents} contents`
  const who = "cistern verify"
  return [
    { what, unit: "ms", ours: { who, value: milliseconds }, peers: [], budget: "minutes" },
    {
      what: `${what}: resident memory at its most`,
      unit: "MB",
      ours: { who, value: peak / MB },
      peers: [],
      budget: "below 300 MB",
    },
  ]
}
