import { execFile } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, requireRoot } from "../support/mounts.js"
import { until } from "../support/until.js"
import { documentOf } from "./fleet.js"

interface Ran {
  readonly exitCode: number
  readonly stdout: string
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env }, (error, stdout) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout })
    })
    child.stdin?.end(input)
  })
}

function cistern(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return run(program, args, { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" })
}

const PASSWORD = "what the mover has"
const repository = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
  new: true,
  owner: { uid: 568, gid: 568, mode: "2770" },
  directories: "onFirstFresh",
}

function mountedStore(): string {
  requireRoot()
  const above = scratch()
  chmodSync(above, 0o755)
  const store = join(above, "tank")
  mountImage(ext4Image(32), store)
  mkdirSync(join(store, "restic"))
  return store
}

function daemonFor(store: string, repositories: readonly (typeof repository)[] = [repository]) {
  return startDaemon({ document: documentOf(store, repositories, { store: { allowRoot: false } }) })
}

function madeIn(daemon: DaemonProcess): unknown[] {
  return daemon.log.filter(({ msg }) => msg === "directory created")
}

describe("a volume's first certain fresh", () => {
  it("makes its directory, in which the mover can work, and is fresh until it did", async () => {
    const store = mountedStore()
    const daemon = await daemonFor(store)
    const place = join(store, "restic/media/radarr")
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    await until(() => existsSync(place), Boolean, "the directory to be made")
    await until(
      () => madeIn(daemon).length,
      (count) => count === 1,
      "the log to say so",
    )
    expect(statSync(place)).toMatchObject({ uid: 568, gid: 568 })
    expect(statSync(place).mode & 0o7777).toBe(0o2770)
    // An empty directory is as empty as none.
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    expect(await daemon.exists("media/radarr-config")).toMatchObject({ decision: "fresh" })
    expect(madeIn(daemon)[0]).toMatchObject({
      store: "tank",
      path: "restic/media/radarr",
      uid: 568,
      cluster: "home",
      volume: "media/radarr",
      by: "first fresh",
    })
    const home = scratch()
    chmodSync(home, 0o777)
    const user = [
      "--reuid=568",
      "--regid=568",
      "--clear-groups",
      "--",
      "restic",
      "--no-cache",
      "--repo",
      place,
    ]
    const env = { PATH: process.env["PATH"], HOME: home, RESTIC_PASSWORD: PASSWORD }
    expect(await run("setpriv", [...user, "init"], env)).toMatchObject({ exitCode: 0 })
    const backup = ["backup", "--host", "volsync", "--stdin", "--stdin-filename", "data"]
    expect(await run("setpriv", [...user, ...backup], env, "data")).toMatchObject({ exitCode: 0 })
    await daemon.answers("media/radarr", "restore")
  }, 60_000)

  it("is none where the answer is unknown, or an administrator's word", async () => {
    const store = mountedStore()
    mkdirSync(join(store, "legacy"))
    const legacy = { ...repository, name: "legacy", path: "legacy/{namespace}/{pvc}", new: false }
    const daemon = await daemonFor(store, [
      { ...repository, ...{ namespaces: ["*", "!legacy-*"] } },
      { ...legacy, ...{ namespaces: ["legacy-*"] } },
    ])
    expect(await daemon.exists("legacy-media/sonarr")).toMatchObject({ decision: "unknown" })
    expect(await cistern(daemon, "fresh-once", "legacy-media/lidarr")).toMatchObject({ exitCode: 0 })
    expect(await daemon.exists("legacy-media/lidarr")).toMatchObject({ decision: "fresh" })
    expect((await daemon.get("/exists/media/..%2F..%2Fetc")).status).not.toBe(200)
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    // One store's directories are made in the order in which they were asked for.
    await until(() => existsSync(join(store, "restic/media/radarr")), Boolean, "the directory to be made")
    expect(readdirSync(join(store, "legacy"))).toEqual([])
    expect(readdirSync(join(store, "restic"))).toEqual(["media"])
  }, 60_000)

  it("makes nothing above what differs between volumes, and the doctor says why", async () => {
    const store = mountedStore()
    const daemon = await daemonFor(store, [{ ...repository, path: "backups/{namespace}/{pvc}" }])
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    const doctor = await until(
      () => cistern(daemon, "doctor"),
      ({ stdout }) => stdout.includes("could not be made at the volume's first fresh"),
      "the doctor to name the directory",
    )
    expect(doctor.stdout).toContain("directory tank:backups/media/radarr")
    expect(existsSync(join(store, "backups"))).toBe(false)
  }, 60_000)

  it("cannot be used to fill the disk with names", async () => {
    const store = mountedStore()
    const daemon = await daemonFor(store)
    const names = Array.from({ length: 230 }, (_value, at) => `app-${at}`)
    for (let at = 0; at < names.length; at += 10) {
      const answers = await Promise.all(
        names.slice(at, at + 10).map((name) => daemon.exists(`media/${name}`)),
      )
      for (const answer of answers) expect(answer.decision).toBe("fresh")
    }
    await until(
      () => daemon.log.some(({ msg }) => msg === "no more directories are made within this hour"),
      Boolean,
      "the bound to be reached",
    )
    expect((await cistern(daemon, "doctor")).stdout).toContain(
      "more than 200 new ones were asked for within an hour",
    )
    expect(readdirSync(join(store, "restic/media"))).toHaveLength(200)
    expect(await daemon.exists("media/app-229")).toMatchObject({ decision: "fresh" })
    expect(readdirSync(join(store, "restic/media"))).toHaveLength(200)
  }, 120_000)
})
