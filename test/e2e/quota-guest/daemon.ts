import { execFileSync, spawnSync } from "node:child_process"
import { chownSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { type DaemonProcess, program, startDaemon } from "../../support/daemon.js"
import { until } from "../../support/until.js"
import { report } from "../nfs-guest/report.js"

// The same through the daemon and its command line, whose numbers of projects outlive it.

const MIB = 1024 * 1024

function quotas(daemon: DaemonProcess, ...args: readonly string[]): { status: number | null; said: string } {
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  const { status, stdout, stderr } = spawnSync(program, ["quotas", ...args], { env, encoding: "utf8" })
  return { status, said: stdout + stderr }
}

/** The same as the command line asks it, which here takes seconds to start. */
async function set(daemon: DaemonProcess, pvc: string, limitBytes: number | string): Promise<unknown> {
  const body = { store: "tank", path: `restic/media/${pvc}`, limitBytes }
  const first = await daemon.admin("POST", "/api/v1/quotas/set", body)
  if (first.status !== 200) throw new Error(`setting a limit on ${pvc}: ${first.status} ${first.body}`)
  const reply = (text: string) => JSON.parse(text) as { run?: { id: string } | null }
  let last = reply(first.body)
  for (let tries = 0; last.run != null && tries < 50; tries++)
    last = reply((await daemon.admin("GET", `/api/v1/directories/runs/${last.run.id}`)).body)
  return last
}

/** All rows, once all were looked at, and the first one is in one of these states. */
function rows(daemon: DaemonProcess, first: readonly string[]): Promise<unknown> {
  return until(
    async () =>
      JSON.parse((await daemon.admin("GET", "/api/v1/quotas")).body) as {
        quotas: { lookedAt: string | null; state: string }[]
      },
    ({ quotas }) =>
      quotas.every(({ lookedAt }) => lookedAt !== null) && first.includes(quotas[0]?.state ?? ""),
    "all limits to be looked at",
    60_000,
  )
}

/** The project of a directory, as the system's own tool tells it. */
function projectOf(path: string): number {
  return Number(execFileSync("lsattr", ["-pd", path], { encoding: "utf8" }).trim().split(/\s+/)[0])
}

function volume(store: string, pvc: string): string {
  const path = join(store, "restic/media", pvc)
  mkdirSync(path, { recursive: true })
  chownSync(path, 65534, 65534)
  return path
}

function writeAsNobody(file: string, megabytes: number): string {
  const dd = ["dd", "if=/dev/zero", `of=${file}`, "bs=1M", `count=${megabytes}`, "conv=fsync"]
  const { stderr } = spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", ...dd], {
    encoding: "utf8",
  })
  return /No space left on device|Disk quota exceeded/.exec(stderr)?.[0] ?? ""
}

function documentFor(store: string): object {
  return {
    stores: [{ name: "tank", path: store }],
    clusters: [{ name: "home", networks: ["127.0.0.0/8"] }],
    repositories: [
      {
        name: "per-pvc",
        cluster: "home",
        engine: "restic",
        store: "tank",
        path: "restic/{namespace}/{pvc}",
        decides: "restore",
        new: true,
        quota: { limit: "20MiB" },
      },
    ],
  }
}

export async function throughTheDaemon(kind: string, mount: string): Promise<void> {
  const store = join(mount, "store")
  const [radarr, sonarr] = [volume(store, "radarr"), volume(store, "sonarr")]
  const state = `/state/${kind}`
  mkdirSync(state, { recursive: true })
  const first = await startDaemon({ state, document: documentFor(store) })
  const asked = kind === "xfs" ? quotas(first, "set", "media/radarr") : undefined
  const given = asked === undefined ? await set(first, "radarr", "declared") : undefined
  await set(first, "sonarr", "declared")
  const tags = [radarr, sonarr].map(projectOf)
  const refusal = writeAsNobody(join(radarr, "pack"), 30)
  // What was read a moment ago is told as it was.
  const full = await rows(first, ["critical", "full"])
  const lifted = await set(first, "sonarr", "none")
  const raised = await set(first, "radarr", 40 * MIB)
  const after = writeAsNobody(join(radarr, "more"), 5)
  await first.stop()

  // Started again, it goes on counting where it was.
  const second = await startDaemon({ state })
  const lidarr = volume(store, "lidarr")
  const fresh = await set(second, "lidarr", "declared")
  await set(second, "sonarr", "declared")
  const next = [lidarr, sonarr].map(projectOf)
  await second.stop()

  // One whose state was lost finds the numbers in use, and takes the next free one.
  const lost = `/state/${kind}-lost`
  mkdirSync(lost, { recursive: true })
  const third = await startDaemon({ state: lost, document: documentFor(store) })
  const bazarr = volume(store, "bazarr")
  const found = await set(third, "bazarr", "declared")
  const skipped = projectOf(bazarr)
  const known = await rows(third, ["ok"])
  await third.stop()
  report({
    ...{ scenario: "daemon", kind, asked, given, tags, refusal, full, lifted, raised, after },
    ...{ fresh, next, found, skipped, known },
  })
}
