import { execFile } from "node:child_process"
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { promisify } from "node:util"
import { documentFile, type DaemonProcess, program, startDaemon } from "../../support/daemon.js"
import { until } from "../../support/until.js"
import { run } from "../nfs-guest/machine.js"
import { report } from "../nfs-guest/report.js"
import {
  atClient,
  CLIENTS,
  mountAtClient,
  mountDisk,
  newDisk,
  served,
  startServer,
  writeAll,
} from "./machine.js"

// The program that runs inside the guest, on the NAS' side. It judges nothing: it does things, and reports what came of them.

const PASSWORD = "guest"
const TANK = "/mnt/tank"
const OTHER = "/mnt/other"
const LIMIT_MS = 60_000
const squash = { uid: 568, gid: 568 }

const document = {
  stores: [
    { name: "tank", path: TANK },
    { name: "other", path: OTHER },
  ],
  clusters: [{ name: "home", networks: [CLIENTS] }],
  repositories: [
    {
      name: "volumes",
      cluster: "home",
      engine: "restic",
      store: "tank",
      path: "restic/{namespace}/{pvc}",
      password: { value: PASSWORD },
      new: true,
    },
  ],
  exports: [exported("tank", "restic"), exported("other", "beside")],
}

function exported(store: string, path: string): object {
  return { store, path, cluster: "home", access: "readWrite", squash }
}

function writable(directory: string): void {
  mkdirSync(directory, { recursive: true })
  chownSync(directory, squash.uid, squash.gid)
}

async function cistern(daemon: DaemonProcess, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  const { stdout } = await promisify(execFile)(program, args, { env, timeout: LIMIT_MS })
  return stdout
}

/** Waits until the server exports this of the store, and says how long that took. */
async function exportsOfTank(wanted: readonly string[], since = performance.now()): Promise<number> {
  await until(
    () => Promise.resolve(served().filter((line) => line.startsWith(TANK))),
    (now) => now.join() === wanted.join(),
    `the exports ${wanted.join()}`,
    LIMIT_MS,
  )
  return Math.round(performance.now() - since)
}

const RESTIC = `${TANK}/restic ${CLIENTS}`

async function backup(place: string): Promise<void> {
  const env = { ...process.env, RESTIC_PASSWORD: PASSWORD, RESTIC_REPOSITORY: `${place}/apps/db` }
  mkdirSync("/data", { recursive: true })
  writeFileSync("/data/file", String(performance.now()))
  const restic = (...args: readonly string[]): Promise<unknown> =>
    promisify(execFile)("nsenter", ["--net=/run/netns/client", "restic", ...args, "--no-cache"], { env })
  if (!atClient("test", "-f", `${place}/apps/db/config`).ok) await restic("init")
  await restic("backup", "--host", "volsync", "/data")
}

async function main(): Promise<void> {
  startServer()
  const tank = newDisk("tank")
  mountDisk(tank, TANK)
  mountDisk(newDisk("other"), OTHER)
  writable(`${TANK}/restic`)
  writable(`${OTHER}/beside`)
  const daemon = await startDaemon({ state: "/state/daemon" })

  const applied = await cistern(daemon, "apply", "-f", documentFile(document))
  report({ scenario: "applied", served: served(), said: applied })
  report({ scenario: "mounted", ...mountAtClient(`${TANK}/restic`, "/client/tank") })
  mountAtClient(`${OTHER}/beside`, "/client/beside")
  const beside = writeAll("/client/beside")
  await backup("/client/tank")
  const { decision } = await daemon.answers("apps/db", "restore", LIMIT_MS)
  report({
    scenario: "backed up",
    decision,
    owner: run("stat", "-c", "%u:%g", `${TANK}/restic/apps/db/config`).trim(),
  })
  report({ scenario: "listed", said: JSON.parse(await cistern(daemon, "exports", "--json")) as object })

  await unmounted(daemon)
  await anotherDisk(daemon)
  await back(daemon, tank)
  await nested(daemon)
  await namelessAndUnservable(daemon)
  beside.stop()
  report({ scenario: "beside", good: beside.good.length, bad: beside.bad })
  await lost()
  await stopped(daemon)
  const { exitCode, signal } = await daemon.stop()
  report({ scenario: "end", exitCode, signal })
}

/** The filesystem goes while a client writes. */
async function unmounted(daemon: DaemonProcess): Promise<void> {
  const writer = writeAll("/client/tank")
  await until(
    () => Promise.resolve(writer.good.length),
    (good) => good > 5,
    "the client to write",
    LIMIT_MS,
  )
  run("umount", "-l", TANK)
  const since = performance.now()
  const withdrawnMs = await exportsOfTank([], since)
  const withdrawn = performance.now()
  await until(
    () => Promise.resolve(writer.bad.length),
    (bad) => bad > 3,
    "writes to fail",
    LIMIT_MS,
  )
  const { reason } = await daemon.answers("apps/db", "store_fenced", LIMIT_MS)
  writer.stop()
  report({
    scenario: "unmounted",
    withdrawnMs,
    goodAfterWithdrawal: writer.good.filter((at) => at > withdrawn + 1_000).length,
    bad: [...new Set(writer.bad.map(({ why }) => why))],
    underMountPoint: readdirSync(TANK),
    reason,
    mountedAnew: mountAtClient(`${TANK}/restic`, "/client/anew"),
    said: JSON.parse(await cistern(daemon, "exports", "--json")) as object,
  })
  atClient("umount", "-l", "/client/tank")
}

/** Another filesystem in its place is never exported. */
async function anotherDisk(daemon: DaemonProcess): Promise<void> {
  mountDisk(newDisk("another"), TANK)
  writable(`${TANK}/restic`)
  await until(
    async () =>
      JSON.parse(await cistern(daemon, "exports", "--json")) as { exports: { problem: { code: string } }[] },
    ({ exports }) => exports[0]?.problem.code === "other_filesystem",
    "the other filesystem to be noticed",
    LIMIT_MS,
  )
  report({ scenario: "another disk", served: served(), reason: (await daemon.exists("apps/db")).reason })
  run("umount", TANK)
}

async function back(daemon: DaemonProcess, tank: string): Promise<void> {
  mountDisk(tank, TANK)
  const backMs = await exportsOfTank([RESTIC])
  const { decision } = await daemon.answers("apps/db", "restore", LIMIT_MS)
  const mounted = mountAtClient(`${TANK}/restic`, "/client/tank")
  await backup("/client/tank")
  report({ scenario: "back", backMs, decision, mounted })
}

/** A filesystem that is mounted in an exported directory. */
async function nested(daemon: DaemonProcess): Promise<void> {
  const child = `${TANK}/restic/child`
  mountDisk(newDisk("child"), child)
  writable(`${child}/db`)
  writeFileSync(`${child}/inside`, "")
  await until(
    () => Promise.resolve(readFileSync("/var/lib/nfs/etab", "utf8")),
    (etab) => etab.includes(",crossmnt,"),
    "the mount to be crossed into",
    LIMIT_MS,
  )
  const seen = atClient("ls", "/client/tank/child")
  const written = atClient("touch", "/client/tank/child/db/written")
  atClient("umount", "-l", "/client/tank")
  const since = performance.now()
  run("umount", "-l", child)
  const withdrawnMs = await exportsOfTank([], since)
  report({ scenario: "nested", seen, written, withdrawnMs, underMountPoint: readdirSync(child) })
  await cistern(daemon, "stores", "accept", "tank")
  await exportsOfTank([RESTIC])
}

interface Shown {
  readonly state: string
  readonly problem: { readonly message: string } | null
}

/** Filesystems without a name of their own, and one that cannot be exported at all. */
async function namelessAndUnservable(daemon: DaemonProcess): Promise<void> {
  mkdirSync("/mnt/memory", { recursive: true })
  run("mount", "-t", "tmpfs", "tmpfs", "/mnt/memory")
  writable("/mnt/memory/files")
  for (const part of ["lower", "upper", "work"]) mkdirSync(`/tmp/union/${part}`, { recursive: true })
  mkdirSync("/mnt/union", { recursive: true })
  const parts = "lowerdir=/tmp/union/lower,upperdir=/tmp/union/upper,workdir=/tmp/union/work"
  run("mount", "-t", "overlay", "overlay", "-o", parts, "/mnt/union")
  writable("/mnt/union/files")
  const more = {
    stores: [
      { name: "memory", path: "/mnt/memory" },
      { name: "union", path: "/mnt/union" },
    ],
    exports: [exported("union", "files"), exported("memory", "files")],
  }
  await cistern(daemon, "apply", "-f", documentFile(more))
  // The one that is refused is found out by halves, each half with the real exportfs.
  const { exports } = await until(
    async () => JSON.parse(await cistern(daemon, "exports", "--json")) as { exports: Shown[] },
    (shown) => shown.exports.at(-1)?.state === "exported" && shown.exports.at(-2)?.problem !== null,
    "one to be exported and one to be refused",
    LIMIT_MS,
  )
  report({
    scenario: "nameless",
    refused: exports.at(-2),
    served: served().filter((line) => !line.startsWith(TANK)),
    mounted: mountAtClient("/mnt/memory/files", "/client/memory"),
    written: atClient("touch", "/client/memory/written"),
  })
  atClient("umount", "-l", "/client/memory")
}

/** Somebody takes every export from the server. */
async function lost(): Promise<void> {
  run("exportfs", "-ua")
  const since = performance.now()
  report({ scenario: "lost", backMs: await exportsOfTank([RESTIC], since) })
}

async function stopped(daemon: DaemonProcess): Promise<void> {
  run("rpc.nfsd", "0")
  const { server, exports } = JSON.parse(await cistern(daemon, "exports", "--json")) as {
    server: object
    exports: { state: string; problem: { code: string } }[]
  }
  report({ scenario: "stopped", server, state: exports[0]?.state, code: exports[0]?.problem.code })
  run("rpc.nfsd", "4")
}

try {
  await main()
} catch (error) {
  report({ scenario: "failed", error: String(error), stack: (error as Error).stack })
  // The daemon would keep it running.
  process.exit(1)
}
