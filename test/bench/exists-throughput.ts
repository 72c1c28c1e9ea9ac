import { spawn } from "node:child_process"
import { once } from "node:events"
import { dirname, join } from "node:path"
import { findProgram } from "../support/programs.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import { cpuSecondsOf, median } from "./measure.js"
import type { BenchContext, Figure, Row } from "./row.js"
import { freePort, ServedProcess } from "./served-process.js"

const CONNECTIONS = 64
const VOLUMES = 100

interface Measured {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Processor time of the server, in microseconds for each request. */
  readonly cpu: number
}

/** `/exists` from memory, 64 connections, each with one question under way. */
export async function existsThroughput(context: BenchContext): Promise<Row[]> {
  const store = context.scratch("store")
  const repository = join(store, "kopia")
  writeSyntheticKopia(repository, {
    password: "bench",
    snapshots: context.quick ? 500 : 10_000,
    identities: VOLUMES,
  })
  const document = documentOf(store, [
    { name: "shared", engine: "kopia", path: "kopia", password: { value: "bench" } },
  ])
  const daemon = (logLevel: string) =>
    measure(context, () =>
      startDaemon(context.scratch(`state-${logLevel}`), document, { LOG_LEVEL: logLevel }),
    )
  const logging = await daemon("info")
  const silent = await daemon("silent")
  const bare = await measure(context, startBareServer)
  const plumber = await measurePlumber(context, repository)

  const rows = (who: string, ours: Measured, budgets: readonly [string, string, string]): Row[] => {
    const against = (pick: (measured: Measured) => number): Figure[] => [
      { who: "bare node:http, no log", value: pick(bare) },
      typeof plumber === "string"
        ? { who: "pvc-plumber", value: undefined, note: plumber }
        : { who: "pvc-plumber, from its cache", value: pick(plumber) },
    ]
    const row = (
      what: string,
      unit: Row["unit"],
      pick: (measured: Measured) => number,
      budget: string,
      note?: string,
    ): Row => ({
      what: `/exists, ${CONNECTIONS} connections, ${what}`,
      unit,
      ours: { who, value: pick(ours), ...(note !== undefined && { note }) },
      peers: against(pick),
      budget,
    })
    const p50 = `p50 ${ours.p50.toFixed(2)} ms`
    return [
      row("throughput", "requests/s", (measured) => measured.perSecond, budgets[0], p50),
      row("p99", "ms", (measured) => measured.p99, budgets[1]),
      row("CPU per request", "µs", (measured) => measured.cpu, budgets[2]),
    ]
  }
  return [
    ...rows("cistern serve, LOG_LEVEL=info", logging, [
      "at least pvc-plumber's",
      "below pvc-plumber's",
      "pvc-plumber needs about 69 µs",
    ]),
    ...rows("cistern serve, LOG_LEVEL=silent", silent, ["", "", "within 1.1 x of the 38 µs of pvc-plumber"]),
  ]
}

async function startBareServer(): Promise<ServedProcess> {
  const port = await freePort()
  return new ServedProcess(
    [process.execPath, join(import.meta.dirname, "bare-server.js")],
    { PORT: String(port) },
    port,
  )
}

/** pvc-plumber asks the kopia on its PATH; its pre-warm has filled its cache when it says that it is ready. */
async function measurePlumber(context: BenchContext, repository: string): Promise<Measured | string> {
  const plumber = findProgram("pvc-plumber")
  const kopia = findProgram("kopia")
  if (plumber === undefined) return "no pvc-plumber in CISTERN_PVC_PLUMBER or PATH"
  if (kopia === undefined) return "pvc-plumber needs kopia, which is not in CISTERN_KOPIA or PATH"
  const home = context.scratch("plumber-home")
  return measure(context, async () => {
    const port = await freePort()
    const environment = {
      BACKEND_TYPE: "kopia-fs",
      KOPIA_REPOSITORY_PATH: repository,
      KOPIA_PASSWORD: "bench",
      CACHE_TTL: "10m",
      PORT: String(port),
      HOME: home,
      KOPIA_CHECK_FOR_UPDATES: "false",
      PATH: `${dirname(kopia)}:${process.env.PATH ?? ""}`,
    }
    return new ServedProcess([plumber], environment, port)
  })
}

async function measure(context: BenchContext, start: () => Promise<ServedProcess>): Promise<Measured> {
  const seconds = context.quick ? 1 : 5
  const rounds = context.quick ? 1 : 3
  const server = await start()
  try {
    for (let volume = 0; volume < VOLUMES; volume++)
      await server.until(`/exists/ns-${volume % 25}/app-${volume}`, saysRestore)
    // The first run lets compilers and buffers settle.
    await load(server.port, 1)
    const runs: Measured[] = []
    for (let round = 0; round < rounds; round++) {
      const before = cpuSecondsOf(server.pid)
      const seen = await load(server.port, seconds)
      const cpu = ((cpuSecondsOf(server.pid) - before) * 1_000_000) / seen.requests
      runs.push({ perSecond: seen.perSecond, p50: seen.p50, p99: seen.p99, cpu })
    }
    const middle = (pick: (measured: Measured) => number) => median(runs.map(pick))
    return {
      perSecond: middle((run) => run.perSecond),
      p50: middle((run) => run.p50),
      p99: middle((run) => run.p99),
      cpu: middle((run) => run.cpu),
    }
  } finally {
    await server.stop()
  }
}

interface Seen {
  readonly requests: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly statuses: Readonly<Record<string, number>>
}

async function load(port: number, seconds: number): Promise<Seen> {
  const program = join(import.meta.dirname, "load.js")
  const child = spawn(process.execPath, [program, ...[port, CONNECTIONS, seconds, VOLUMES].map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
  await once(child, "close")
  const seen = JSON.parse(output) as Seen
  const others = Object.keys(seen.statuses).filter((status) => status !== "200")
  if (others.length > 0) throw new Error(`answers other than 200: ${JSON.stringify(seen.statuses)}`)
  return seen
}
