import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { documentOf, startDaemon } from "./daemon.js"
import type { BenchContext, Row } from "./row.js"

/** What programs look for in /etc besides the exports. */
const ETC = ["nsswitch.conf", "protocols", "services", "hosts", "netconfig", "passwd", "group"]

/**
 * From `apply` to exports that are read back, through the whole daemon with the real exportfs, in mounts of its own. What
 * exportfs itself takes is the peer, and is not counted as ours. Needs root.
 */
export async function exports500(context: BenchContext): Promise<Row[]> {
  const count = context.quick ? 50 : 500
  const [etc, nfs, state, store] = ["etc", "nfs", "state", "store"].map((name) => context.scratch(name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const name of ETC)
    if (existsSync(join("/etc", name))) copyFileSync(join("/etc", name), join(etc, name))
  writeFileSync(join(etc, "exports"), "")
  writeFileSync(join(nfs, "etab"), "")
  const names = Array.from({ length: count }, (_, at) => `volume-${at}`)
  for (const name of names) mkdirSync(join(store, name))
  const log = join(context.scratch("log"), "reloads")
  const within = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
  const binds = 'mount --bind "$1" /etc; mount --bind "$2" /var/lib/nfs; shift 2; exec "$@"'
  const daemon = await startDaemon(
    state,
    documentOf(store, []),
    { PATH: `${timedExportfs(context.scratch("bin"), log)}:${process.env["PATH"] ?? ""}` },
    [...within, binds, "sh", etc, nfs],
  )
  try {
    await daemon.until("/healthz", ({ status }) => status === 200)
    const squash = { uid: 568, gid: 568 }
    const document = (paths: readonly string[]): object => ({
      ...documentOf(store, []),
      exports: paths.map((path) => ({ store: "bench", path, cluster: "home", access: "readWrite", squash })),
    })
    const apply = async (paths: readonly string[], remove: boolean): Promise<Measured> => {
      const before = reloadsIn(log).length
      const started = performance.now()
      await post(state, { document: JSON.stringify(document(paths)), remove })
      const wall = performance.now() - started
      const served = readFileSync(join(nfs, "etab"), "utf8").split("\n").length - 1
      if (served !== paths.length) throw new Error(`${served} of ${paths.length} are exported`)
      const reloads = reloadsIn(log).slice(before)
      return { own: wall - sum(reloads), exportfs: sum(reloads), reloads: reloads.length }
    }
    const all = await apply(names, false)
    const fewer = await apply(names.slice(1), true)
    return [row(`${count} exports, first apply`, all), row(`one of ${count} exports withdrawn`, fewer)]
  } finally {
    await daemon.stop()
  }
}

interface Measured {
  /** Milliseconds, without those of exportfs. */
  readonly own: number
  readonly exportfs: number
  readonly reloads: number
}

function row(what: string, { own, exportfs, reloads }: Measured): Row {
  return {
    what,
    unit: "ms",
    ours: { who: "cistern", value: own, note: `${reloads} reload of the server` },
    peers: [{ who: "exportfs -ra", value: exportfs }],
    budget: "< 1 s of our own time, one reload",
  }
}

/** A folder with an exportfs that notes how long the real one took. */
function timedExportfs(bin: string, log: string): string {
  writeFileSync(log, "")
  const script = `#!/bin/bash
begun=$(date +%s%N)
PATH=/usr/sbin:/sbin:/usr/bin:/bin exportfs "$@"
status=$?
echo $((($(date +%s%N) - begun) / 1000)) >>'${log}'
exit $status
`
  writeFileSync(join(bin, "exportfs"), script, { mode: 0o755 })
  return bin
}

/** Milliseconds of each. */
function reloadsIn(log: string): number[] {
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Number(line) / 1000)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function post(state: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" }
    const options = {
      socketPath: join(state, "cistern.sock"),
      method: "POST",
      path: "/api/v1/apply",
      headers,
    }
    const outgoing = request(options, (response) => {
      response.resume()
      response.on("end", () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`apply answered ${response.statusCode ?? 0}`))
      })
    })
    outgoing.on("error", reject)
    outgoing.end(JSON.stringify(body))
  })
}
