import { execFileSync } from "node:child_process"
import { join, relative } from "node:path"
import { filesBelow } from "../support/damage.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import type { BenchContext, Row } from "./row.js"

const PASSWORD = "bench"
const IN_EACH_PACK = 20

interface Measured {
  readonly milliseconds: number
  readonly megabytes: number
  readonly snapshots: number
  readonly directories: number
}

/** From the start of a process to all that one pack costs: the password is stretched, the indexes and every directory are read. */
export function impact(context: BenchContext): Promise<Row[]> {
  const [snapshots, contents] = context.quick ? [500, 20_000] : [10_000, 1_000_000]
  const directory = context.scratch("kopia")
  writeSyntheticKopia(directory, {
    password: PASSWORD,
    snapshots,
    // Each snapshot has a root of its own.
    identities: snapshots,
    indexBlobs: 20,
    packsMentioned: contents / IN_EACH_PACK,
    contentsInEach: IN_EACH_PACK,
  })
  const [pack = ""] = filesBelow(directory, /^p\//).map((file) => relative(directory, file))
  const program = join(import.meta.dirname, "impact-once.js")
  const output = execFileSync(process.execPath, [program, directory, pack], {
    env: { ...process.env, BENCH_PASSWORD: PASSWORD },
    encoding: "utf8",
  })
  const found = JSON.parse(output) as Measured
  if (found.snapshots !== snapshots)
    throw new Error(`${found.snapshots} of ${snapshots} snapshots need the pack`)
  const what = `impact of one pack, ${snapshots} snapshots, ${contents} contents`
  const who = "cistern impact"
  return Promise.resolve([
    {
      what,
      unit: "ms",
      ours: { who, value: found.milliseconds, note: `${found.directories} directories` },
      peers: [],
      budget: "seconds",
    },
    {
      what: `${what}, peak memory`,
      unit: "MB",
      ours: { who, value: found.megabytes },
      peers: [],
      budget: "below 300 MB",
    },
  ])
}
