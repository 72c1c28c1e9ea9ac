import { execFileSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonOptions, type DaemonProcess, startDaemon } from "../support/daemon.js"
import { ownersBelow } from "../support/directories.js"
import { ExportfsMachine } from "../support/exportfs.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountHung, mountImage, requireRoot, unmount } from "../support/mounts.js"
import { findProgram, RealKopia, runRestic } from "../support/programs.js"
import { until } from "../support/until.js"
import { cistern, mountedStore, type Ran, run } from "./console.js"
import { documentOf, giveTo, NOBODY, type RepositoryOf } from "./fleet.js"

function create(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return cistern(daemon, "repositories", "create", ...args)
}

const PASSWORD = "what the mover has"
const kopia = findProgram("kopia")
const restic = findProgram("restic") ?? "/usr/bin/restic"

const perVolume = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
  new: true,
  owner: { uid: 568, gid: 568 },
}
const shared = { ...perVolume, name: "shared", engine: "kopia", path: "kopia" }
const fenced = { store: { allowRoot: false } }

function daemonFor(
  store: string,
  repositories: readonly RepositoryOf[] = [perVolume],
  options: DaemonOptions & { more?: object } = {},
): Promise<DaemonProcess> {
  const { more, ...rest } = options
  return startDaemon({ document: { ...documentOf(store, repositories, fenced), ...more }, ...rest })
}

/** As VolSync's mover runs restic: as the owner, without capabilities. */
function mover(store: string, volume = "media/radarr"): (...command: string[]) => Promise<Ran> {
  const home = scratch()
  chmodSync(home, 0o777)
  const user = ["--reuid=568", "--regid=568", "--clear-groups", "--"]
  return (...command) =>
    run(
      "setpriv",
      [...user, restic, "--no-cache", "--repo", join(store, "restic", volume), ...command],
      { PATH: process.env["PATH"], HOME: home, RESTIC_PASSWORD: PASSWORD },
      "what is in the volume",
    )
}
const backup = ["backup", "--host", "volsync", "--stdin", "--stdin-filename", "data"]

/** The real restic, with something before it does its work. It sees what is to be changed as GIVEN. */
function resticAfter(script: string): string {
  const folder = scratch()
  chmodSync(folder, 0o755)
  const file = join(folder, "restic")
  writeFileSync(
    file,
    `#!/bin/sh\nGIVEN=/proc/self/fd/3\nif [ "$1" = init ]; then\n${script}\nfi\nexec ${restic} "$@"\n`,
    { mode: 0o755 },
  )
  return file
}

function inTheMaking(store: string): string[] {
  const folder = join(store, ".cistern/creating")
  return existsSync(folder) ? readdirSync(folder) : []
}

describe("a repository that the real engine makes", () => {
  it("is the mover's own in every respect: restic, one for each volume", async () => {
    const { store } = mountedStore()
    const daemon = await daemonFor(store)
    const place = join(store, "restic/media/radarr")

    const plan = await create(daemon, "per-pvc", "--volume", "media/radarr", "--dry-run")
    expect(plan).toMatchObject({ exitCode: 0, stderr: "" })
    expect(plan.stdout).toContain(`+ restic repository in ${place}`)
    expect(plan.stdout).toContain("as 568:568; the directory has mode 0700")
    expect(existsSync(join(store, "restic"))).toBe(false)

    const made = await create(daemon, "per-pvc", "--volume", "media/radarr", "--json")
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    const { id } = JSON.parse(made.stdout) as { id: string }
    expect(JSON.parse(runRestic(place, PASSWORD, "cat", "config"))).toMatchObject({ version: 2, id })
    const owners = Object.values(ownersBelow(join(store, "restic")))
    expect(owners.filter((owner) => !owner.startsWith("568:568 "))).toEqual([])
    expect(owners.length).toBeGreaterThan(250)
    expect(statSync(place)).toMatchObject({ uid: 568, gid: 568 })
    expect(statSync(join(place, "config"))).toMatchObject({ uid: 568, gid: 568 })
    expect(statSync(place).mode & 0o7777).toBe(0o700)
    expect(inTheMaking(store)).toEqual([])

    // It is certain that there is no backup, and the pin says which repository that is true of.
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    const pinned = daemon.log.filter(({ msg }) => msg === "repository made and pinned")
    expect(pinned).toEqual([expect.objectContaining({ id, by: "local administrator" })])
    expect(daemon.output).not.toContain(PASSWORD)

    // The mover finds it, and what it writes is seen at once.
    const volume = mover(store)
    expect((await volume("init")).stderr).toContain("already")
    expect(await volume(...backup)).toMatchObject({ exitCode: 0 })
    await daemon.answers("media/radarr", "restore")
    expect(await volume("check")).toMatchObject({ exitCode: 0 })

    const again = await create(daemon, "per-pvc", "--volume", "media/radarr")
    expect(again.exitCode).toBe(4)
    expect(again.stderr).toContain(`holds the restic repository ${id} already`)
  }, 60_000)

  it.runIf(kopia !== undefined)(
    "is the mover's own in every respect: kopia, one that all share",
    async () => {
      const { store } = mountedStore()
      const daemon = await daemonFor(store, [shared], { environment: { CISTERN_KOPIA: kopia ?? "" } })
      const place = join(store, "kopia")
      const made = await create(daemon, "shared", "--json")
      expect(made).toMatchObject({ exitCode: 0, stderr: "" })
      const { id } = JSON.parse(made.stdout) as { id: string }
      expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
      for (const name of readdirSync(place)) expect(statSync(join(place, name)).uid).toBe(568)

      const real = new RealKopia(kopia ?? "", place, PASSWORD, scratch())
      const status = JSON.parse(real.run("repository", "status", "--json")) as Record<string, object>
      expect(status).toMatchObject({
        uniqueIDHex: id,
        contentFormat: { hash: "BLAKE2B-256-128", encryption: "AES256-GCM-HMAC-SHA256", version: 3 },
        objectFormat: { splitter: "DYNAMIC-4M-BUZHASH" },
      })
      expect(status["contentFormat"]).not.toHaveProperty("ecc")
      expect(real.run("maintenance", "info")).toContain("Owner: cistern@nas")
      expect(daemon.output).not.toContain(PASSWORD)
    },
    60_000,
  )

  it("is pinned before clients can mount it, and they cannot while it is made", async () => {
    const { store } = mountedStore()
    const machine = new ExportfsMachine()
    const seen = join(scratch(), "seen")
    chmodSync(join(seen, ".."), 0o777)
    const place = join(store, "radarr")
    mkdirSync(place)
    giveTo(568, place)
    const watching = resticAfter(`cat /var/lib/nfs/etab > ${seen}`)
    const daemon = await daemonFor(store, [{ ...perVolume, name: "radarr", path: "radarr" }], {
      within: machine.within,
      environment: { CISTERN_RESTIC: watching },
      more: {
        exports: [
          {
            store: "tank",
            path: "radarr",
            cluster: "home",
            access: "readWrite",
            squash: { uid: 568, gid: 568 },
          },
        ],
      },
    })
    await until(
      () => machine.etab,
      (etab) => etab.includes(place),
      "the empty place to be exported",
    )

    const made = await create(daemon, "radarr")
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    expect(made.stdout).toContain(`- ${place} is not exported while it is made`)
    expect(readFileSync(seen, "utf8")).not.toContain(place)
    await until(
      () => machine.etab,
      (etab) => etab.includes(place),
      "the repository to be exported",
    )
    const order = daemon.log
      .filter(
        ({ msg, added, removed }) =>
          /exports kept|repository made/.test(String(msg)) && (added ?? removed ?? true),
      )
      .map(({ msg, added }) =>
        Array.isArray(added) ? (added.length > 0 ? "exported" : "withdrawn") : String(msg),
      )
    expect(order.slice(-3)).toEqual(["withdrawn", "repository made and pinned", "exported"])
  }, 60_000)
})

describe("what keeps a repository from being made", () => {
  const create1 = (daemon: DaemonProcess): Promise<Ran> =>
    create(daemon, "per-pvc", "--volume", "media/radarr")

  it("is anything in the place, whatever it is, and it is left as it is", async () => {
    const { store } = mountedStore()
    const daemon = await daemonFor(store)
    const place = join(store, "restic/media/radarr")
    mkdirSync(place, { recursive: true })
    for (const name of ["notes.txt", ".shards"]) {
      writeFileSync(join(place, name), "somebody's")
      const refused = await create1(daemon)
      expect(refused).toMatchObject({ exitCode: 4, stdout: "" })
      expect(refused.stderr).toContain("[not_empty]")
      expect(readdirSync(place)).toEqual([name])
      rmSync(join(place, name))
    }
    rmSync(place, { recursive: true })
    symlinkSync(join(store, "elsewhere"), place)
    const dangling = await create1(daemon)
    expect(dangling.exitCode).not.toBe(0)
    mkdirSync(join(store, "elsewhere"))
    const linked = await create1(daemon)
    expect(linked.exitCode).not.toBe(0)
    expect(readdirSync(join(store, "elsewhere"))).toEqual([])
  }, 60_000)

  it("is a past: what was there once is missed, and not replaced by an empty one", async () => {
    const { store } = mountedStore()
    const daemon = await daemonFor(store)
    expect(await create1(daemon)).toMatchObject({ exitCode: 0 })
    const place = join(store, "restic/media/radarr")
    for (const name of readdirSync(place)) rmSync(join(place, name), { recursive: true })
    const refused = await create1(daemon)
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain("was seen there before")
    expect(readdirSync(place)).toEqual([])
  }, 60_000)

  it("is a declaration that does not say that it is new, or whose it is", async () => {
    const { store } = mountedStore()
    const { owner, ...unowned } = perVolume
    const old = await daemonFor(store, [{ ...perVolume, new: false }])
    expect((await create1(old)).stderr).toContain("[not_new]")
    await old.stop()
    const nobodys = await daemonFor(store, [unowned])
    const refused = await create1(nobodys)
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain("[no_owner]")
    await nobodys.stop()
    const other = await daemonFor(store, [perVolume], {
      more: {
        nfsServer: { kind: "none" },
        exports: [
          {
            store: "tank",
            path: "restic",
            cluster: "home",
            access: "readWrite",
            squash: { uid: 1000, gid: 1000 },
          },
        ],
      },
    })
    expect((await create1(other)).stderr).toContain("[squash_differs]")
    expect(owner.uid).toBe(568)
    expect(existsSync(join(store, "restic"))).toBe(false)
  }, 60_000)

  it("is a store that is not there, or does not answer", async () => {
    const { store, image } = mountedStore()
    const daemon = await daemonFor(store)
    unmount(store)
    const gone = await create1(daemon)
    expect(gone.exitCode).toBe(3)
    expect(readdirSync(store)).toEqual([])
    mountImage(image, store)
    expect(await create1(daemon)).toMatchObject({ exitCode: 0 })
    const hung = mountHung(store)
    const silent = await create(daemon, "per-pvc", "--volume", "media/sonarr")
    expect(silent.exitCode).toBe(3)
    hung.release()
  }, 90_000)

  it("is a password that nobody declared or that cannot be read", async () => {
    const { store } = mountedStore()
    const { password, ...open } = perVolume
    const without = await daemonFor(store, [open])
    const missing = await create1(without)
    expect(missing.exitCode).toBe(3)
    expect(missing.stderr).toContain("[password_missing]")
    await without.stop()
    const file = join(scratch(), "password")
    const unreadable = await daemonFor(store, [{ ...perVolume, password: { file } }])
    expect((await create1(unreadable)).stderr).toContain("[password_missing]")
    // Somebody puts it there: nothing has to be restarted.
    writeFileSync(file, password.value)
    expect(await create1(unreadable)).toMatchObject({ exitCode: 0 })
  }, 60_000)

  it("is an engine that is missing, is another program, or fails, and says so", async () => {
    const { store } = mountedStore()
    const place = join(store, "restic/media/radarr")
    const engine = join(scratch(), "restic")
    chmodSync(join(engine, ".."), 0o755)
    const daemon = await daemonFor(store, [perVolume], { environment: { CISTERN_RESTIC: engine } })
    const fails = async (message: RegExp): Promise<void> => {
      const failed = await create1(daemon)
      expect(failed.exitCode).toBe(3)
      expect(failed.stderr).toMatch(message)
      expect(existsSync(place) ? readdirSync(place) : []).toEqual([])
      expect(inTheMaking(store)).toEqual([])
      expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    }
    await fails(/no program/)
    copyFileSync("/bin/true", engine)
    await fails(/does not answer as restic does/)
    const scripts = [
      ["echo half > $GIVEN/config; echo 'Fatal: the moon is wrong' >&2; exit 1", /the moon is wrong/],
      ["echo half > $GIVEN/config; kill -9 $$", /failed/],
      // It says that all is well, and nothing is there.
      ["exit 0", /ended well, and there is no restic repository/],
    ] as const
    for (const [script, message] of scripts) {
      copyFileSync(resticAfter(script), engine)
      await fails(message)
    }
    copyFileSync(restic, engine)
    expect(await create1(daemon)).toMatchObject({ exitCode: 0 })
  }, 90_000)

  it("is a full disk, and nothing half-made stays", async () => {
    const { store } = mountedStore(4)
    const daemon = await daemonFor(store)
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${join(store, "filler")}`, "bs=4k"], { stdio: "ignore" })
    } catch {
      // It ends when the disk is full.
    }
    execFileSync("truncate", ["--size=-200K", join(store, "filler")])
    const full = await create1(daemon)
    expect(full.exitCode).toBe(3)
    expect(full.stderr).toContain("no space left on device")
    expect(inTheMaking(store)).toEqual([])
    expect(readdirSync(join(store, "restic/media/radarr"))).toEqual([])
    rmSync(join(store, "filler"))
    expect(await create1(daemon)).toMatchObject({ exitCode: 0 })
  }, 60_000)
})

describe("a daemon that is not root", () => {
  it("makes what is to be its own user's, and nothing for another one", async () => {
    requireRoot()
    const store = scratch()
    const state = scratch()
    for (const folder of [store, state]) giveTo(NOBODY, folder)
    const others = { ...perVolume, name: "others", path: "others", decides: "no" }
    const own = { ...perVolume, owner: { uid: NOBODY, gid: NOBODY } }
    const daemon = await startDaemon({ document: documentOf(store, [own, others]), state, uid: NOBODY })
    const refused = await create(daemon, "others")
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain("[not_root]")
    expect(await create(daemon, "per-pvc", "--volume", "media/radarr")).toMatchObject({ exitCode: 0 })
    expect(statSync(join(store, "restic/media/radarr/config")).uid).toBe(NOBODY)
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
  }, 60_000)
})

describe("several who make a repository at once", () => {
  it("are two of ours: one makes it, the other is told", async () => {
    const { store } = mountedStore()
    const daemon = await daemonFor(store)
    const both = await Promise.all([1, 2].map(() => create(daemon, "per-pvc", "--volume", "media/radarr")))
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 4])
    expect(readdirSync(join(store, "restic/media/radarr/keys"))).toHaveLength(1)
  }, 60_000)

  it("are a mover and ours: one repository is there, whole, and whose it is is said", async () => {
    const { store } = mountedStore(64)
    const daemon = await daemonFor(store)
    const outcomes: string[] = []
    for (const app of ["a", "b", "c", "d"]) {
      const volume = `media/${app}`
      const place = join(store, "restic", volume)
      mkdirSync(place, { recursive: true })
      giveTo(568, join(store, "restic"))
      const [ours, theirs] = await Promise.all([
        create(daemon, "per-pvc", "--volume", volume, "--json"),
        mover(store, volume)("init"),
      ])
      expect([ours.exitCode, theirs.exitCode === 0 ? 0 : 1]).toContain(0)
      expect(ours.exitCode === 0).not.toBe(theirs.exitCode === 0)
      outcomes.push(ours.exitCode === 0 ? "ours" : "theirs")
      expect(readdirSync(join(place, "keys"))).toHaveLength(1)
      const { id } = JSON.parse(runRestic(place, PASSWORD, "cat", "config")) as { id: string }
      if (ours.exitCode === 0) expect(JSON.parse(ours.stdout)).toMatchObject({ id })
      else expect(ours.stderr).toMatch(/lost_race|already_there|not_empty/)
      await daemon.answers(volume, "fresh")
    }
    expect(outcomes).toHaveLength(4)
  }, 120_000)

  it.runIf(kopia !== undefined)(
    "are a kopia mover and ours: whoever was first, one repository is there, and opens",
    async () => {
      const { store } = mountedStore(64)
      const names = ["k1", "k2", "k3", "k4"]
      const repositories = names.map((name) => ({ ...shared, name, path: name, decides: "no" }))
      const daemon = await daemonFor(store, [perVolume, ...repositories], {
        environment: { CISTERN_KOPIA: kopia ?? "" },
      })
      for (const [at, name] of names.entries()) {
        const place = join(store, name)
        mkdirSync(place)
        giveTo(568, place)
        const home = scratch()
        chmodSync(home, 0o777)
        const env = { PATH: process.env["PATH"], HOME: home, KOPIA_PASSWORD: PASSWORD }
        const theirs = ["--reuid=568", "--regid=568", "--clear-groups", "--", kopia ?? ""]
        const command = ["repository", "create", "filesystem", "--path", place, "--no-check-for-updates"]
        // Begun a little later each time, so that they meet at different steps.
        const delay = ["-c", `sleep ${at * 0.4}; exec "$@"`, "sh", "setpriv", ...theirs, ...command]
        const [ours, mover] = await Promise.all([create(daemon, name, "--json"), run("sh", delay, env)])
        expect(ours.exitCode === 0).not.toBe(mover.exitCode === 0)
        const real = new RealKopia(kopia ?? "", place, PASSWORD, scratch())
        const { uniqueIDHex } = JSON.parse(real.run("repository", "status", "--json")) as {
          uniqueIDHex: string
        }
        if (ours.exitCode === 0) expect(JSON.parse(ours.stdout)).toMatchObject({ id: uniqueIDHex })
        else expect(ours.stderr).toMatch(/lost_race|already_there|not_empty/)
      }
    },
    120_000,
  )

  it("are a mover that comes in while ours is made: its repository stays, and ours is thrown away", async () => {
    const { store } = mountedStore()
    const place = join(store, "restic/media/radarr")
    const slow = resticAfter(
      `RESTIC_PASSWORD='${PASSWORD}' ${restic} --no-cache --repo ${place} init >&2 || exit 9`,
    )
    const daemon = await daemonFor(store, [perVolume], { environment: { CISTERN_RESTIC: slow } })
    const lost = await create(daemon, "per-pvc", "--volume", "media/radarr")
    expect(lost.exitCode).toBe(4)
    const { id } = JSON.parse(runRestic(place, PASSWORD, "cat", "config")) as { id: string }
    expect(lost.stderr).toContain(`Somebody else made the restic repository ${id}`)
    expect(readdirSync(join(place, "keys"))).toHaveLength(1)
    expect(inTheMaking(store)).toEqual([])
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
  }, 60_000)
})

describe("a daemon that is killed while a repository is made", () => {
  it("leaves an empty place, in which it can be made", async () => {
    const { store } = mountedStore()
    const place = join(store, "restic/media/radarr")
    const marker = join(scratch(), "begun")
    chmodSync(join(marker, ".."), 0o777)
    const hanging = resticAfter(`echo half > $GIVEN/config; echo $$ > ${marker}; sleep 600`)
    const daemon = await daemonFor(store, [perVolume], {
      environment: { CISTERN_RESTIC: hanging, TMPDIR: join(marker, "..") },
    })
    const asked = create(daemon, "per-pvc", "--volume", "media/radarr")
    await until(() => existsSync(marker), Boolean, "the engine to work")
    expect(readdirSync(place)).toEqual([])
    // Nobody else is kept waiting by it.
    expect(await create(daemon, "per-pvc", "--volume", "media/sonarr")).toMatchObject({ exitCode: 4 })
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    await daemon.kill()
    expect((await asked).exitCode).toBe(3)
    execFileSync("kill", ["-9", readFileSync(marker, "utf8").trim()])
    expect(readdirSync(place)).toEqual([])
    const again = await daemonFor(store, [perVolume], { state: daemon.state })
    expect(await again.exists("media/radarr")).toMatchObject({ decision: "fresh" })
    expect(await create(again, "per-pvc", "--volume", "media/radarr")).toMatchObject({ exitCode: 0 })
  }, 60_000)
})

describe("a place that is a filesystem of its own", () => {
  const own = { ...perVolume, name: "own", path: "own" }

  function childStore(): { store: string; place: string } {
    const { store } = mountedStore()
    const place = join(store, "own")
    mountImage(ext4Image(16), place)
    giveTo(568, place)
    return { store, place }
  }

  it("gets its repository in its place, and what a filesystem puts there does not count", async () => {
    const { store, place } = childStore()
    expect(readdirSync(place)).toEqual(["lost+found"])
    const daemon = await daemonFor(store, [own])
    const strange = await create(daemon, "own")
    expect(strange.exitCode).toBe(4)
    expect(strange.stderr).toContain(`--accept-mount ${place}`)
    const made = await create(daemon, "own", "--accept-mount", place)
    expect(made).toMatchObject({ exitCode: 0, stderr: "" })
    expect(made.stdout).toContain("made in its place")
    expect(statSync(join(place, "config")).uid).toBe(568)
    expect(runRestic(place, PASSWORD, "cat", "config")).toContain('"version": 2')
  }, 60_000)

  it("keeps what a failed engine left there, by name, until somebody clears it", async () => {
    const { store, place } = childStore()
    const failing = resticAfter("echo half > $GIVEN/half; exit 1")
    const daemon = await daemonFor(store, [own], { environment: { CISTERN_RESTIC: failing } })
    const failed = await create(daemon, "own", "--accept-mount", place)
    expect(failed.exitCode).toBe(3)
    expect(failed.stderr).toContain(`in ${place} is left: half`)
    const again = await create(daemon, "own", "--accept-mount", place)
    expect(again.exitCode).toBe(4)
    expect(again.stderr).toContain("[not_empty]")
  }, 60_000)

  it("is refused while movers may write there through an export around it", async () => {
    const { store } = mountedStore()
    const machine = new ExportfsMachine()
    const daemon = await daemonFor(store, [{ ...own, path: "below/own" }], {
      within: machine.within,
      more: {
        exports: [
          {
            store: "tank",
            path: "below",
            cluster: "home",
            access: "readWrite",
            squash: { uid: 568, gid: 568 },
          },
        ],
      },
    })
    const inner = join(store, "below/own")
    mkdirSync(inner, { recursive: true })
    giveTo(568, inner)
    writeFileSync(join(inner, "@eaDir"), "")
    await until(
      () => machine.etab,
      (etab) => etab.includes(join(store, "below")),
      "the directory around it to be exported",
      30_000,
    )
    const refused = await create(daemon, "own")
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain("[exported]")
    expect(readdirSync(inner)).toEqual(["@eaDir"])
  }, 60_000)
})
