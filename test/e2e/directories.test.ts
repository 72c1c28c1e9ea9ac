import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { ownersBelow } from "../support/directories.js"
import { scratch } from "../support/fixtures.js"
import { mountImage, requireRoot, unmount } from "../support/mounts.js"
import { until } from "../support/until.js"
import { cistern, mountedStore, type Ran, run } from "./console.js"
import { documentOf, giveTo, NOBODY } from "./fleet.js"

function directories(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return cistern(daemon, "directories", ...args)
}

const PASSWORD = "what the mover has"

const repository = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
  new: true,
  owner: { uid: 568, gid: 568 },
}

/** The real restic as the user that movers run as: no capability, no other group. */
function mover(store: string): (...command: string[]) => Promise<Ran> {
  const home = scratch()
  chmodSync(home, 0o777)
  const place = join(store, "restic/media/radarr")
  const user = ["--reuid=568", "--regid=568", "--clear-groups", "--"]
  return (...command) =>
    run(
      "setpriv",
      [...user, "restic", "--no-cache", "--repo", place, ...command],
      { PATH: process.env["PATH"], HOME: home, RESTIC_PASSWORD: PASSWORD },
      "what is in the volume",
    )
}

/** As VolSync's mover names a snapshot: of /data. */
const backup = ["backup", "--host", "volsync", "--stdin", "--stdin-filename", "data"]

const fenced = { store: { allowRoot: false } }

describe("a volume's directory from its making to its end", () => {
  it("lets the real mover write, says what is wrong when it cannot, is repaired, retired and restored", async () => {
    const { store } = mountedStore()
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    const restic = mover(store)
    const directory = join(store, "restic/media/radarr")
    await daemon.answers("media/radarr", "fresh")

    // Nobody made it: the mover may not make it below a directory of root's.
    expect((await restic("init")).stderr).toContain("permission denied")
    const made = await directories(daemon, "create", "media/radarr")
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    expect(made.stdout).toContain(`made ${directory} (568:568, mode 0700)`)
    expect(await restic("init")).toMatchObject({ exitCode: 0 })
    expect(await restic(...backup)).toMatchObject({ exitCode: 0 })
    await daemon.answers("media/radarr", "restore")
    expect(await directories(daemon, "audit")).toMatchObject({
      exitCode: 0,
      stdout: "1 right, 0 wrong, 0 not there, 0 not known.\n",
    })

    // Somebody ran a mover, or a script, as root.
    giveTo(0, directory)
    const failed = await restic("snapshots")
    expect(failed.exitCode).not.toBe(0)
    expect(failed.stderr).toContain("permission denied")
    const audit = await directories(daemon, "audit")
    expect(audit.exitCode).toBe(1)
    expect(audit.stdout).toContain(
      `FAIL     tank:restic/media/radarr: 568:568, whom the document names, may not work in ${directory}: it is 0:0, mode 0700`,
    )
    expect(audit.stdout).toContain(`uid 0 wrote ${directory}/`)
    const doctor = await run(program, ["doctor", "--json"], { ...process.env, CISTERN_STATE: daemon.state })
    expect(doctor.stdout).toContain("directory tank:restic/media/radarr")

    // The act is the one that the audit names, and changes no more than it says.
    const act = /`cistern directories (repair \S+ --recursive)`/.exec(audit.stdout)?.[1]?.split(" ") ?? []
    expect(act).toEqual(["repair", "tank:restic/media/radarr", "--recursive"])
    const before = ownersBelow(join(store, "restic"))
    const preview = await directories(daemon, ...act, "--dry-run")
    expect(preview.stdout).toContain(`~ ${directory}: 0:0 -> 568:568, mode 0700`)
    expect(ownersBelow(join(store, "restic"))).toEqual(before)
    const repaired = await directories(daemon, ...act)
    expect(repaired).toMatchObject({ exitCode: 0, stderr: "" })
    expect(await restic("snapshots")).toMatchObject({ exitCode: 0 })
    expect(await restic(...backup)).toMatchObject({ exitCode: 0 })
    expect(await restic("check")).toMatchObject({ exitCode: 0 })
    expect(await directories(daemon, "audit")).toMatchObject({ exitCode: 0 })

    const id = /directories undo (\S+)`/.exec(repaired.stdout)?.[1] ?? ""
    expect((await directories(daemon, "repairs")).stdout).toContain(id)
    expect(await directories(daemon, "undo", id)).toMatchObject({ exitCode: 0 })
    expect((await restic("snapshots")).exitCode).not.toBe(0)
    expect(await directories(daemon, ...act)).toMatchObject({ exitCode: 0 })

    // Out of use, with a way back.
    const refused = await directories(daemon, "retire", "media/radarr")
    expect(refused.exitCode).toBe(4)
    expect(refused.stdout).toContain("media/radarr would be restored from it")
    expect(existsSync(directory)).toBe(true)
    const retired = await directories(daemon, "retire", "media/radarr", "--accept", "media/radarr", "--json")
    expect(retired).toMatchObject({ exitCode: 0 })
    const entry = JSON.parse(retired.stdout) as { id: string }
    expect(existsSync(directory)).toBe(false)
    await daemon.answers("media/radarr", "store_fenced")
    expect((await directories(daemon, "quarantine")).stdout).toContain(`${entry.id}  held`)
    expect(await directories(daemon, "purge", entry.id)).toMatchObject({ exitCode: 4 })
    const early = await directories(daemon, "purge", entry.id, "--yes")
    expect(early).toMatchObject({ exitCode: 4 })
    expect(early.stderr).toContain("is held until")
    expect(await directories(daemon, "restore", entry.id)).toMatchObject({ exitCode: 0 })
    expect(await restic("snapshots")).toMatchObject({ exitCode: 0 })
    await daemon.answers("media/radarr", "restore")

    // For good, when nobody wanted to wait.
    const now = await directories(
      daemon,
      "retire",
      "media/radarr",
      "--accept",
      "media/radarr",
      "--hold",
      "0",
      "--json",
    )
    const gone = (JSON.parse(now.stdout) as { id: string }).id
    expect(await directories(daemon, "purge", gone, "--yes")).toMatchObject({ exitCode: 0 })
    expect((await directories(daemon, "quarantine")).stdout).toBe("Nothing is retired.\n")
    // The ledger still knows what was there.
    expect((await daemon.exists("media/radarr")).decision).toBe("unknown")
  }, 120_000)
})

describe("a daemon that is killed while it repairs", () => {
  it("knows at its next start what it had changed, and gives that back", async () => {
    const { store } = mountedStore(96)
    const directory = join(store, "restic/media/radarr")
    for (let folder = 0; folder < 100; folder++) {
      mkdirSync(join(directory, `d${folder}`), { recursive: true })
      for (let at = 0; at < 150; at++) writeFileSync(join(directory, `d${folder}`, `f${at}`), "")
    }
    const before = ownersBelow(directory)
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    const body = { store: "tank", path: "restic/media/radarr", recursive: true }
    const asked = daemon.admin("POST", "/api/v1/directories/repair", body).catch(() => undefined)
    await until(
      () => lstatSync(join(directory, "d0")).uid,
      (uid) => uid === 568,
      "the repair to begin",
      60_000,
    )
    await daemon.kill()
    await asked
    const between = ownersBelow(directory)
    const changed = Object.keys(before).filter((name) => between[name] !== before[name]).length
    expect(changed).toBeGreaterThan(0)
    expect(changed).toBeLessThan(Object.keys(before).length)

    const again = await startDaemon({ state: daemon.state })
    const { repairs } = JSON.parse((await directories(again, "repairs", "--json")).stdout) as {
      repairs: { id: string }[]
    }
    expect(repairs).toHaveLength(1)
    const undone = await directories(again, "undo", repairs[0]?.id ?? "", "--json")
    expect(JSON.parse(undone.stdout)).toMatchObject({ changed, otherwise: { count: 0 } })
    expect(ownersBelow(directory)).toEqual(before)
  }, 120_000)
})

describe("a daemon that may not", () => {
  it("give files away says so, with what to do, and leaves nothing behind", async () => {
    requireRoot()
    const store = scratch()
    mkdirSync(join(store, "restic/media/sonarr"), { recursive: true })
    giveTo(NOBODY, store)
    const state = scratch()
    giveTo(NOBODY, state)
    const daemon = await startDaemon({ state, uid: NOBODY, document: documentOf(store, [repository]) })
    const create = await directories(daemon, "create", "media/radarr")
    expect(create.exitCode).toBe(3)
    expect(create.stderr).toContain("(EPERM)")
    expect(create.stderr).toContain("run the daemon as root")
    expect(existsSync(join(store, "restic/media/radarr"))).toBe(false)
    const repair = await directories(daemon, "repair", "tank:restic/media/sonarr")
    expect(repair.exitCode).toBe(3)
    expect(repair.stderr).toContain("(EPERM)")
    expect(lstatSync(join(store, "restic/media/sonarr")).uid).toBe(NOBODY)
  })

  it("enter a directory says which, and that nobody knows what is in it", async () => {
    requireRoot()
    const store = scratch()
    chmodSync(store, 0o777)
    mkdirSync(join(store, "restic/media/sonarr"), { recursive: true })
    const shut = join(store, "restic/media")
    chmodSync(shut, 0o700)
    const state = scratch()
    giveTo(NOBODY, state)
    const daemon = await startDaemon({ state, uid: NOBODY, document: documentOf(store, [repository]) })
    const create = await directories(daemon, "create", "media/radarr")
    expect(create.exitCode).toBe(3)
    expect(create.stderr).toContain(`${shut}/radarr may not be read [unreadable]`)
  })

  it("does all of it without root where everything is its own user's", async () => {
    requireRoot()
    const store = scratch()
    giveTo(NOBODY, store)
    const state = scratch()
    giveTo(NOBODY, state)
    const own = { ...repository, owner: { uid: NOBODY, gid: NOBODY, mode: "0750" } }
    const daemon = await startDaemon({ state, uid: NOBODY, document: documentOf(store, [own]) })
    expect(await directories(daemon, "create", "media/radarr")).toMatchObject({ exitCode: 0 })
    chmodSync(join(store, "restic/media/radarr"), 0o500)
    expect(await directories(daemon, "audit")).toMatchObject({ exitCode: 1 })
    expect(await directories(daemon, "repair", "media/radarr")).toMatchObject({ exitCode: 0 })
    expect(ownersBelow(join(store, "restic"))).toMatchObject({ "media/radarr": `${NOBODY}:${NOBODY} 750` })
    expect(await directories(daemon, "retire", "media/radarr")).toMatchObject({ exitCode: 0 })
    expect(existsSync(join(store, "restic/media/radarr"))).toBe(false)
  })
})

describe("a store that is mounted read-only", () => {
  it("is looked at as before, and nothing is made, repaired or retired in it", async () => {
    const { store, image } = mountedStore()
    mkdirSync(join(store, "restic/media/radarr"), { recursive: true })
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    await daemon.stop()
    unmount(store)
    mountImage(image, store, "ro")
    const again = await startDaemon({ state: daemon.state })
    await until(
      () => directories(again, "audit"),
      ({ stdout }) => stdout.includes("1 wrong"),
      "the audit",
    )
    for (const command of [
      ["create", "media/new"],
      ["repair", "media/radarr"],
    ]) {
      const { exitCode, stderr } = await directories(again, ...command)
      expect(exitCode, stderr).toBe(3)
      expect(stderr).toContain("Mount the store's filesystem writable.")
    }
    const { exitCode, stderr } = await directories(again, "retire", "media/radarr")
    expect(exitCode, stderr).toBe(3)
  })
})

describe("paths of a request", () => {
  it("lead nowhere but into the store, whatever they are", async () => {
    const { store } = mountedStore()
    const outside = scratch()
    symlinkSync(outside, join(store, "restic"))
    const daemon = await startDaemon({ document: documentOf(store, [repository], fenced) })
    const post = async (path: string, body: object): Promise<number> =>
      (await daemon.admin("POST", `/api/v1/directories${path}`, body)).status
    expect(await post("", { store: "tank", path: "restic/media/radarr" })).toBe(422)
    expect(await post("", { store: "tank", path: "../x" })).toBe(400)
    expect(await post("", { store: "tank", path: `${outside}/x` })).toBe(400)
    expect(await post("", { namespace: "../..", pvc: "etc" })).toBe(400)
    expect(await post("/repair", { store: "tank", path: "restic/../../etc", recursive: true })).toBe(400)
    expect(await post("/retire", { store: "tank", path: "restic/%2e%2e" })).toBe(422)
    expect(await post("/retire", { store: "tank", path: "restic/../.." })).toBe(400)
    expect(await post("/undo", { store: "tank", id: "../store" })).toBe(404)
    expect(await post("/quarantine/tank/..%2f..%2frestic/purge", {})).toBe(404)
    expect(await post("/quarantine/tank/%2e%2e/restore", {})).toBe(404)
    expect(await post("/quarantine/none/20261121T030000Z-x/restore", {})).toBe(404)
    expect(await post("/repair", { store: "tank", path: "x", recursive: "yes" })).toBe(400)
    expect((await daemon.admin("GET", "/api/v1/directories?store=none")).status).toBe(404)
    expect((await daemon.admin("GET", "/api/v1/directories/runs/none")).status).toBe(404)
    expect(execFileSync("find", [outside], { encoding: "utf8" })).toBe(`${outside}\n`)
  })
})
