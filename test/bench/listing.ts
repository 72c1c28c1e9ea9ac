import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { findProgram, RealKopia, runRestic } from "../support/programs.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { REAL_COST, writeSyntheticRestic } from "../support/synthetic-restic.js"
import { median } from "./measure.js"
import type { BenchContext, Figure, Row } from "./row.js"

const PASSWORD = "bench"

/** Reading alone, without a daemon: a fresh process lists a repository, as the engine's own program does. */
export async function listing(context: BenchContext): Promise<Row[]> {
  const snapshots = context.quick ? 500 : 10_000
  const rounds = context.quick ? 2 : 5
  return [...kopiaRows(context, snapshots, rounds), resticRow(context, snapshots / 10, rounds)]
}

function kopiaRows(context: BenchContext, snapshots: number, rounds: number): Row[] {
  const directory = context.scratch("kopia")
  writeSyntheticKopia(directory, { password: PASSWORD, snapshots, identities: 100 })
  const what = `list ${snapshots} kopia snapshots, fresh process`
  const peer = kopiaPeer(context, directory, rounds)
  const keys = join(context.scratch("keys"), "kopia.json")
  listOnce("kopia", directory, keys)
  return [
    {
      what: `${what}, keys known`,
      unit: "ms",
      ours: ours(rounds, () => listOnce("kopia", directory, keys)),
      peers: [peer],
      budget: "first-answer has it",
    },
    {
      what: `${what}, password to stretch`,
      unit: "ms",
      ours: ours(rounds, () => listOnce("kopia", directory, "-")),
      peers: [peer],
      budget: "first-answer has it",
    },
  ]
}

function resticRow(context: BenchContext, snapshots: number, rounds: number): Row {
  const directory = context.scratch("restic")
  writeSyntheticRestic(directory, { password: PASSWORD, snapshots, cost: REAL_COST })
  const restic = findProgram("restic")
  const keys = join(context.scratch("keys"), "restic.json")
  listOnce("restic", directory, keys)
  return {
    what: `list ${snapshots} restic snapshots, fresh process, keys known`,
    unit: "ms",
    ours: ours(rounds, () => listOnce("restic", directory, keys)),
    peers: [
      restic === undefined
        ? { who: "restic snapshots", value: undefined, note: "no restic here" }
        : {
            who: "restic snapshots --json",
            value: middle(rounds, () => {
              runRestic(directory, PASSWORD, "snapshots", "--json", "--no-lock")
            }),
          },
    ],
    budget: "",
  }
}

/** What `kopia snapshot list --all --json` takes with its caches warm, as it runs inside pvc-plumber. */
export function kopiaPeer(context: BenchContext, directory: string, rounds: number): Figure {
  const who = "kopia snapshot list --all --json"
  const program = findProgram("kopia")
  if (program === undefined) return { who, value: undefined, note: "no kopia in CISTERN_KOPIA or PATH" }
  const kopia = new RealKopia(program, directory, PASSWORD, context.scratch("kopia-home"))
  const list = () => {
    kopia.run("snapshot", "list", "--all", "--json")
  }
  list()
  return { who, value: middle(rounds, list) }
}

function ours(rounds: number, list: () => number): Figure {
  return { who: "cistern", value: median(Array.from({ length: rounds }, list)) }
}

/** Milliseconds from the start of the process to the whole list. */
function listOnce(engine: "kopia" | "restic", directory: string, keys: string): number {
  const program = join(import.meta.dirname, "list-once.js")
  const output = execFileSync(process.execPath, [program, engine, directory, keys], {
    env: { ...process.env, BENCH_PASSWORD: PASSWORD },
    encoding: "utf8",
  })
  return (JSON.parse(output) as { milliseconds: number }).milliseconds
}

function middle(rounds: number, work: () => void): number {
  return median(
    Array.from({ length: rounds }, () => {
      const started = performance.now()
      work()
      return performance.now() - started
    }),
  )
}
