import { execFile, execFileSync } from "node:child_process"
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { promisify } from "node:util"
import { type DaemonProcess, startDaemon } from "../../support/daemon.js"
import { writeSyntheticKopia, type SyntheticKopia } from "../../support/synthetic-kopia.js"
import { writeSyntheticRestic } from "../../support/synthetic-restic.js"
import { until } from "../../support/until.js"
import { reportClients } from "./clients.js"
import { ask, type Daemons, known, LIMIT_MS } from "./daemons.js"
import { EXPORTED, mountNfs, setCable, setServerThreads, startServer, unmount } from "./machine.js"
import { startContainer } from "./container.js"
import { MARK, report } from "./report.js"

// The program that runs inside the guest. It judges nothing: it does things, and reports what the daemons answered.

const PASSWORD = "guest"
const DOCUMENTED = "hard,nfsvers=4.2,actimeo=1"
/** A link to where the Kopia repository is written: the server's own disk, or a mover's mount. */
const WRITTEN = "/written"

const environment = {
  BACKEND_TYPE: "kopia-fs",
  KOPIA_REPOSITORY_PATH: "/repository",
  KOPIA_PASSWORD: PASSWORD,
  PORT: "0",
  CISTERN_LISTEN: "",
}

const document = {
  stores: [
    { name: "nas", path: "/backups" },
    { name: "own", path: "/own", allowRoot: true },
  ],
  clusters: [{ name: "home", networks: ["127.0.0.0/8"] }],
  repositories: [
    restic("volumes", "nas", "restic/{namespace}/{pvc}", "per-volume"),
    restic("beside", "own", "{namespace}/{pvc}", "beside"),
  ],
}

function restic(name: string, store: string, path: string, namespace: string): object {
  const rest = { cluster: "home", decides: "restore", new: true, password: { value: PASSWORD } }
  return { name, engine: "restic", store, path, namespaces: [namespace], ...rest }
}

function mountBoth(options: string): void {
  mountNfs("/kopia", "/repository", options)
  mountNfs("", "/backups", options)
}

function unmountBoth(): void {
  unmount("/repository")
  unmount("/backups")
}

async function main(): Promise<void> {
  startServer()
  mkdirSync(`${EXPORTED}/kopia`)
  symlinkSync(`${EXPORTED}/kopia`, WRITTEN)
  const kopia = writeSyntheticKopia(WRITTEN, { password: PASSWORD, snapshots: 50, identities: 10 })
  const options = { password: PASSWORD, snapshots: 1 }
  writeSyntheticRestic(`${EXPORTED}/restic/per-volume/known`, options)
  writeSyntheticRestic("/own/beside/known", options)
  mountBoth(DOCUMENTED)
  const daemons = {
    lent: await startDaemon({ environment, state: "/state/lent" }),
    declared: await startDaemon({ document, state: "/state/declared" }),
  }
  await known(daemons)
  for (const [name, mountOptions] of [
    ["documented", DOCUMENTED],
    ["default", "nfsvers=4.2"],
    ["version 3", "nfsvers=3,nolock"],
  ] as const) {
    unmountBoth()
    mountBoth(mountOptions)
    await known(daemons)
    await reportClients(name, daemons)
    await landings(name, daemons, kopia)
  }
  await otherMachine(daemons, kopia)
  await refused(daemons)
  await gone(daemons)
  await removed(daemons)
  await silent(
    "server",
    daemons,
    () => {
      setServerThreads(0)
    },
    () => {
      setServerThreads(4)
    },
  )
  await silent(
    "cable",
    daemons,
    () => {
      setCable("down")
    },
    () => {
      setCable("up")
    },
  )
  report({
    scenario: "end",
    lent: (await daemons.lent.stop()).exitCode,
    declared: (await daemons.declared.stop()).exitCode,
  })
}

/** A volume's first backup lands on the server. What is the first answer after that, and when is it `restore`? */
async function landing(
  mount: string,
  daemon: DaemonProcess,
  volume: string,
  land: () => void | Promise<void>,
): Promise<void> {
  await daemon.answers(volume, "fresh", LIMIT_MS)
  await land()
  const landed = performance.now()
  const first = await daemon.exists(volume)
  const reasons = new Set<string | undefined>()
  await until(
    () => daemon.exists(volume),
    ({ decision, reason }) => {
      reasons.add(reason ?? decision)
      return decision === "restore"
    },
    `${volume} to be restored`,
    LIMIT_MS,
  )
  const milliseconds = Math.round(performance.now() - landed)
  report({ scenario: "landing", mount, volume, first: first.decision, reasons: [...reasons], milliseconds })
}

async function landings(mount: string, { lent, declared }: Daemons, kopia: SyntheticKopia): Promise<void> {
  const tag = mount.replace(" ", "-")
  for (let round = 0; round < 5; round++) {
    await landing(mount, lent, `${tag}/pvc-${round}`, () => {
      kopia.appendSnapshot({ user: `pvc-${round}-backup`, host: tag, path: "/data" })
    })
    const volume = `per-volume/${tag}-${round}`
    await landing(mount, declared, volume, () => {
      writeSyntheticRestic(`${EXPORTED}/restic/${volume}`, {
        password: PASSWORD,
        snapshots: 0,
        seed: volume,
      }).appendSnapshot()
    })
  }
  const volume = `per-volume/${tag}-real`
  await landing(mount, declared, volume, () => realRestic(`${EXPORTED}/restic/${volume}`))
  await unasked(mount, lent, kopia)
}

async function realRestic(repository: string): Promise<void> {
  const env = { ...process.env, RESTIC_PASSWORD: PASSWORD, RESTIC_REPOSITORY: repository }
  mkdirSync("/data", { recursive: true })
  writeFileSync("/data/file", repository)
  // Not synchronous: kept connections that the daemon closes meanwhile must be noticed.
  await promisify(execFile)("restic", ["init", "--no-cache"], { env })
  await promisify(execFile)("restic", ["backup", "--no-cache", "--host", "volsync", "/data"], { env })
}

/** One more backup of a known volume. Answers from memory look at nothing, so this is the daemon's own rhythm. */
async function unasked(mount: string, daemon: DaemonProcess, kopia: SyntheticKopia): Promise<void> {
  const [identity] = kopia.identities
  if (identity === undefined) throw new Error("the repository has identities")
  const count = async (): Promise<number> => {
    const { body } = await daemon.get("/exists/ns-0/app-0?evidence=1")
    return (JSON.parse(body) as { evidence: { snapshots: number } }).evidence.snapshots
  }
  const before = await count()
  kopia.appendSnapshot(identity)
  const landed = performance.now()
  await until(count, (now) => now > before, "one more snapshot", LIMIT_MS)
  report({ scenario: "unasked", mount, milliseconds: Math.round(performance.now() - landed) })
}

/** The mover writes over a mount of its own, of which the reader's caches know nothing. */
async function otherMachine({ lent }: Daemons, kopia: SyntheticKopia): Promise<void> {
  unmountBoth()
  mountBoth(DOCUMENTED)
  mountNfs("", "/mover", "hard,nfsvers=4.2,nosharecache")
  writeTo("/mover/kopia")
  for (let round = 0; round < 5; round++) {
    await landing("documented, written over NFS", lent, `other/pvc-${round}`, () => {
      kopia.appendSnapshot({ user: `pvc-${round}-backup`, host: "other", path: "/data" })
    })
  }
  writeTo(`${EXPORTED}/kopia`)
  unmount("/mover")
}

function writeTo(directory: string): void {
  rmSync(WRITTEN)
  symlinkSync(directory, WRITTEN)
}

async function refused(daemons: Daemons): Promise<void> {
  unmountBoth()
  mountBoth("nfsvers=4.2,nocto")
  await daemons.lent.answers("ns-0/app-0", "unknown", LIMIT_MS)
  await daemons.declared.answers("per-volume/known", "unknown", LIMIT_MS)
  report({
    scenario: "nocto",
    lent: [await ask(daemons.lent, "ns-0/app-0"), await ask(daemons.lent, "new/other")],
    declared: [
      await ask(daemons.declared, "per-volume/known"),
      await ask(daemons.declared, "per-volume/other"),
    ],
  })
}

async function gone(daemons: Daemons): Promise<void> {
  unmountBoth()
  await daemons.lent.answers("ns-0/app-0", "unknown", LIMIT_MS)
  await daemons.declared.answers("per-volume/known", "unknown", LIMIT_MS)
  report({
    scenario: "unmounted",
    lent: [await ask(daemons.lent, "ns-0/app-0"), await ask(daemons.lent, "new/other")],
    declared: [
      await ask(daemons.declared, "per-volume/known"),
      await ask(daemons.declared, "per-volume/other"),
    ],
    beside: [await ask(daemons.declared, "beside/known"), await ask(daemons.declared, "beside/other")],
  })
  mountBoth(DOCUMENTED)
  report({ scenario: "mounted again", milliseconds: await known(daemons) })
}

/** What is mounted is removed on the server: whatever the client asks is answered ESTALE. */
async function removed(daemons: Daemons): Promise<void> {
  execFileSync("cp", ["-a", `${EXPORTED}/kopia`, `${EXPORTED}/copy`])
  rmSync(`${EXPORTED}/kopia`, { recursive: true })
  await daemons.lent.answers("ns-0/app-0", "unknown", LIMIT_MS)
  report({
    scenario: "removed",
    lent: [await ask(daemons.lent, "ns-0/app-0"), await ask(daemons.lent, "new/other")],
  })
  renameSync(`${EXPORTED}/copy`, `${EXPORTED}/kopia`)
  unmountBoth()
  mountBoth(DOCUMENTED)
  report({ scenario: "put back", milliseconds: await known(daemons) })
}

/** The server stops to answer, in one way or another. */
async function silent(what: string, daemons: Daemons, stop: () => void, start: () => void): Promise<void> {
  const container = await startContainer({ ...environment, CISTERN_STATE: `/state/${what}` })
  stop()
  const { declared } = daemons
  const lent = [await ask(daemons.lent, "new/first"), await ask(daemons.lent, "new/second")]
  report({
    scenario: `${what} silent`,
    lent,
    declared: [await ask(declared, "per-volume/first"), await ask(declared, "per-volume/second")],
    beside: [await ask(declared, "beside/known"), await ask(declared, "beside/other")],
  })
  const asked = performance.now()
  const ended = await daemons.lent.stop()
  report({
    scenario: `${what} silent, stopped`,
    milliseconds: Math.round(performance.now() - asked),
    signal: ended.signal,
    exitCode: ended.exitCode,
  })
  report({ scenario: `${what} silent, first process stopped`, ...(await container.stop()) })
  daemons.lent = await startDaemon({ environment, state: "/state/lent" })
  report({
    scenario: `${what} silent, started`,
    lent: [await ask(daemons.lent, "ns-0/app-0"), await ask(daemons.lent, "new/first")],
  })
  start()
  report({ scenario: `${what} back`, milliseconds: await known(daemons) })
}

try {
  await main()
} catch (error) {
  console.log(
    `${MARK}${JSON.stringify({ scenario: "failed", error: String(error), stack: (error as Error).stack })}`,
  )
  // The daemons would keep it running.
  process.exit(1)
}
