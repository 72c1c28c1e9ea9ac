import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { exports500 } from "./exports.js"
import { existsThroughput } from "./exists-throughput.js"
import { firstAnswer } from "./first-answer.js"
import { impact } from "./impact.js"
import { landed } from "./landed.js"
import { listing } from "./listing.js"
import { memory } from "./memory.js"
import { refresh } from "./refresh.js"
import { resticRestart } from "./restic-restart.js"
import { schedules } from "./schedules.js"
import { type Bench, ratio, type Row } from "./row.js"
import { scrubRows } from "./scrub.js"
import { renderTable } from "./table.js"
import { verifyRows } from "./verify.js"

const benches: Readonly<Record<string, Bench>> = {
  exists: existsThroughput,
  "first-answer": firstAnswer,
  listing,
  "restic-restart": resticRestart,
  refresh,
  landed,
  exports: exports500,
  impact,
  scrub: scrubRows,
  verify: verifyRows,
  memory,
  schedules,
}

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
})
const names = options.only?.split(",") ?? Object.keys(benches)
const unknown = names.filter((name) => !Object.hasOwn(benches, name))
if (options.help || unknown.length > 0) {
  for (const name of unknown) console.error(`no such row: ${name}`)
  console.error(`usage: ./scripts/bench [--quick] [--only ROW,...]\nrows: ${Object.keys(benches).join(", ")}`)
  process.exit(unknown.length > 0 ? 2 : 0)
}

const directory = mkdtempSync(join(tmpdir(), "cistern-bench-"))
const rows: (Row & { readonly bench: string })[] = []
const failures: { readonly bench: string; readonly error: string }[] = []
for (const name of names) {
  const bench = benches[name]
  if (bench === undefined) continue
  const say = (text: string) => {
    console.error(`${name}: ${text}`)
  }
  const scratch = (folder: string) => {
    const path = join(directory, name, folder)
    mkdirSync(path, { recursive: true })
    return path
  }
  try {
    const measured = await bench({ quick: options.quick, scratch, say })
    rows.push(...measured.map((row) => ({ bench: name, ...row })))
  } catch (error) {
    failures.push({ bench: name, error: String(error) })
    say(`failed: ${String(error)}`)
  } finally {
    rmSync(join(directory, name), { recursive: true, force: true })
  }
}
rmSync(directory, { recursive: true, force: true })

mkdirSync(".bench", { recursive: true })
const machine = { node: process.version, cores: cpus().length, processor: cpus()[0]?.model }
const result = {
  machine,
  quick: options.quick,
  rows: rows.map((row) => ({
    ...row,
    peers: row.peers.map((peer) => ({ ...peer, timesBetter: ratio(row, peer) })),
  })),
  failures,
}
writeFileSync(".bench/result.json", JSON.stringify(result, undefined, 2) + "\n")
console.log(`\n${renderTable(rows)}\n`)
console.log(`Node ${machine.node}, ${machine.cores} cores, ${machine.processor ?? "unknown processor"}`)
for (const { bench, error } of failures) console.log(`FAILED ${bench}: ${error}`)
process.exit(failures.length === 0 ? 0 : 1)
