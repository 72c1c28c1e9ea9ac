import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chmodSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { btrfs, commit, enableQuotas, subvolume } from "../support/btrfs.js"
import { type DaemonProcess, program, startDaemon } from "../support/daemon.js"
import { canary } from "../support/directories.js"
import { scratch } from "../support/fixtures.js"
import { btrfsImage, ext4Image, mountHung, mountImage, requireRoot, unmount } from "../support/mounts.js"
import { until } from "../support/until.js"
import { documentOf } from "./fleet.js"

const MIB = 1024 * 1024
const PASSWORD = "what the mover has"

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

interface Row {
  readonly path: string
  readonly state: string
  readonly kind: string
  readonly enforced: boolean
  readonly limitBytes: number | null
  readonly usedBytes: number | null
  readonly usedPercent: number | null
  readonly measuredAt: string | null
  readonly source: string | null
  readonly problem: { readonly code: string; readonly message: string; readonly hint: string | null } | null
  readonly findings: readonly { readonly code: string; readonly hint: string }[]
}

function cistern(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], CISTERN_STATE: daemon.state, NO_COLOR: "1" }
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

function quotas(daemon: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return cistern(daemon, "quotas", ...args)
}

async function rows(daemon: DaemonProcess): Promise<Row[]> {
  const { body } = await daemon.admin("GET", "/api/v1/quotas")
  return (JSON.parse(body) as { quotas: Row[] }).quotas
}

async function rowOf(daemon: DaemonProcess, path: string): Promise<Row> {
  const found = (await rows(daemon)).find((row) => row.path === path)
  if (found === undefined) throw new Error(`there is no row for ${path}`)
  return found
}

const perPvc = {
  name: "per-pvc",
  engine: "restic",
  path: "restic/{namespace}/{pvc}",
  password: { value: PASSWORD },
  new: true,
}

function mounted(image: string): string {
  requireRoot()
  const above = scratch()
  chmodSync(above, 0o755)
  const store = join(above, "tank")
  mountImage(image, store)
  return store
}

function document(store: string, repositories: readonly { readonly name: string }[]): object {
  return documentOf(store, repositories, { store: { allowRoot: false } })
}

/** A store on btrfs with a subvolume for one volume, and a daemon. */
async function limitable(quota?: object): Promise<{ store: string; place: string; daemon: DaemonProcess }> {
  // Of 128 MiB btrfs leaves so little for data that the disk fills before the limit is reached twice.
  const store = mounted(btrfsImage(512))
  mkdirSync(join(store, "restic/media"), { recursive: true })
  const place = subvolume(join(store, "restic/media/radarr"))
  const repository = { ...perPvc, ...(quota && { quota }) }
  const daemon = await startDaemon({ document: document(store, [repository]) })
  return { store, place, daemon }
}

function restic(place: string, input: Buffer, ...command: readonly string[]) {
  const { status, stderr } = spawnSync("restic", ["--no-cache", "--repo", place, ...command], {
    env: { PATH: process.env["PATH"], HOME: scratch(), RESTIC_PASSWORD: PASSWORD },
    input,
    encoding: "utf8",
    timeout: 90_000,
    killSignal: "SIGKILL",
  })
  return { status, stderr }
}

/** What restic says of a backup that it is refused to write. It would try again for a quarter of an hour: it is killed when it says so. */
async function refusedBackup(place: string, input: Buffer): Promise<string> {
  const child = spawn("restic", ["--no-cache", "--repo", place, ...backup], {
    env: { PATH: process.env["PATH"], HOME: scratch(), RESTIC_PASSWORD: PASSWORD },
    stdio: ["pipe", "ignore", "pipe"],
  })
  // It is killed before it has read everything.
  child.stdin.on("error", () => undefined)
  child.stdin.end(input)
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text
    if (said.includes("quota exceeded")) child.kill("SIGKILL")
  })
  await once(child, "close")
  return said
}

const backup = ["backup", "--host", "volsync", "--stdin", "--stdin-filename", "data"]

function limitOf(place: string): string {
  const row = btrfs("qgroup", "show", "-ref", "--raw", place).split("\n")[2] ?? ""
  return row.trim().split(/\s+/)[3] ?? ""
}

describe("a declared limit on btrfs", () => {
  it("is prepared for, set by the command line, refuses the real engine, is a finding, and is lifted", async () => {
    const { store, place, daemon } = await limitable({ limit: "40MiB", warnAt: 50 })
    const path = "restic/media/radarr"

    // Nothing counts there yet: the limit is only watched, and that is said with the next step.
    const watched = await until(
      () => rowOf(daemon, path),
      ({ measuredAt }) => measuredAt !== null,
      "a walk through it",
    )
    expect(watched).toMatchObject({ kind: "own", enforced: false, limitBytes: 40 * MIB, state: "ok" })
    expect(watched.problem).toMatchObject({ code: "not_held" })
    expect(watched.problem?.message).toContain("quotas are not enabled")
    const early = await quotas(daemon, "set", "media/radarr")
    expect(early.exitCode).toBe(4)
    expect(early.stderr).toContain("quotas are not enabled")

    // For the whole filesystem: shown, and not done by a script that does not say so.
    const preview = await quotas(daemon, "prepare", "tank", "--dry-run")
    expect(preview).toMatchObject({ exitCode: 0 })
    expect(preview.stdout).toContain(`btrfs quota enable ${store}`)
    expect(preview.stdout).toContain("whole filesystem")
    expect(await quotas(daemon, "prepare", "tank")).toMatchObject({ exitCode: 4 })
    expect(() => btrfs("qgroup", "show", store)).toThrow()
    expect(await quotas(daemon, "prepare", "tank", "--yes")).toMatchObject({ exitCode: 0 })
    btrfs("quota", "rescan", "-w", store)
    expect((await quotas(daemon, "prepare", "tank", "--yes")).stdout).toContain("counts already")

    expect((await cistern(daemon, "doctor")).stdout).toContain(
      `quota tank:${path}: the declared limit of ${40 * MIB} bytes is not set`,
    )
    const plan = await quotas(daemon, "set", "media/radarr", "--dry-run")
    expect(plan.stdout).toContain(`~ ${place}: no limit -> 40.0 MiB`)
    expect(plan.stdout).toContain(`limit the subvolume's qgroup to ${40 * MIB} bytes`)
    expect(limitOf(place)).toBe("none")
    const all = await quotas(daemon, "apply", "--dry-run")
    expect(all.stdout).toContain("Set 0 limits.")
    expect(limitOf(place)).toBe("none")
    const set = await quotas(daemon, "apply")
    expect(set).toMatchObject({ exitCode: 0, stderr: "" })
    expect(set.stdout).toContain("Set 1 limits.")
    expect(limitOf(place)).toBe(String(40 * MIB))
    expect((await quotas(daemon, "apply")).stdout).toContain("Every declared limit that can be set is set.")
    expect(await rowOf(daemon, path)).toMatchObject({
      kind: "btrfs-qgroup",
      enforced: true,
      limitBytes: 40 * MIB,
      state: "ok",
      problem: null,
    })

    // The limit holds what the mover writes.
    expect(restic(place, Buffer.alloc(0), "init")).toMatchObject({ status: 0 })
    expect(restic(place, randomBytes(24 * MIB), ...backup)).toMatchObject({ status: 0 })
    commit(store)
    const near = await until(
      () => rowOf(daemon, path),
      ({ state }) => state === "near",
      "the limit to be near",
      30_000,
    )
    expect(near.usedBytes).toBeGreaterThan(24 * MIB)
    expect(near.findings.map(({ code }) => code)).toEqual(["near"])
    expect(await refusedBackup(place, randomBytes(40 * MIB))).toContain("disk quota exceeded")
    const doctor = await cistern(daemon, "doctor")
    expect(doctor.stdout).toMatch(
      /(warn|FAIL) {2}quota tank:restic\/media\/radarr: .* holds \d+ % of its limit/,
    )
    const metrics = (await daemon.get("/metrics")).body
    expect(metrics).toContain(
      `cistern_quota_limit_bytes{repository="per-pvc",store="tank",path="${path}"} ${40 * MIB}`,
    )
    expect(metrics).toMatch(/cistern_repository_bytes\{repository="per-pvc".*\} \d{8}/)

    // What is declared and what is set are compared.
    expect(await quotas(daemon, "set", "media/radarr", "200MiB")).toMatchObject({ exitCode: 0 })
    // What the killed restic had reserved is let go with a commit.
    commit(store)
    expect(restic(place, randomBytes(20 * MIB), ...backup)).toEqual({ status: 0, stderr: "" })
    commit(store)
    expect((await rowOf(daemon, path)).findings.map(({ code }) => code)).toContain("other_limit")
    const lifted = await quotas(daemon, "lift", "media/radarr", "--json")
    expect(JSON.parse(lifted.stdout)).toMatchObject({ applied: true, after: { limitBytes: null } })
    expect(limitOf(place)).toBe("none")
    const below = await quotas(daemon, "set", "media/radarr", "40MiB")
    expect(below).toMatchObject({ exitCode: 4 })
    expect(below.stderr).toContain("--below-use")
    expect(limitOf(place)).toBe("none")
    const insisted = await quotas(daemon, "set", "media/radarr", "40MiB", "--below-use")
    expect(insisted).toMatchObject({ exitCode: 0 })
    const full = await quotas(daemon, "list")
    expect(full.exitCode).toBe(1)
    expect(full.stdout).toMatch(/^full: full +tank:restic\/media\/radarr/m)
    expect(full.stdout).toContain("backups fail")
  }, 180_000)

  it("whose accounting is inconsistent is a finding", async () => {
    const { store, place, daemon } = await limitable({ limit: "40MiB" })
    enableQuotas(store)
    expect(await quotas(daemon, "set", "media/radarr")).toMatchObject({ exitCode: 0 })
    // Reference nas-platforms.md §5.4: this makes the accounting inconsistent.
    btrfs("qgroup", "create", "1/100", store)
    writeFileSync(join(place, "file"), randomBytes(MIB))
    btrfs("subvolume", "snapshot", "-i", "1/100", place, join(store, "snapshot"))
    const doctor = await until(
      () => cistern(daemon, "doctor"),
      ({ stdout }) => stdout.includes("inconsistent"),
      "the doctor to say so",
      30_000,
    )
    expect(doctor.stdout).toContain("warn  quota tank:restic/media/radarr")
    expect(doctor.stdout).toContain("btrfs quota rescan")
  })
})

describe("a request for a limit", () => {
  it("of a size that is none, is 0 or negative, or can only be a mistake of units ends with 2, and nothing is set", async () => {
    const { store, place, daemon } = await limitable()
    enableQuotas(store)
    const sizes = [
      "-5GiB",
      "0",
      "0GiB",
      "1.5GiB",
      "200G",
      "200GB",
      "9999999PiB",
      "5PiB",
      "100",
      "1023KiB",
      "",
    ]
    for (const size of [...sizes, "1e9", "20MiB\n", "twenty"]) {
      const { exitCode, stdout } = await quotas(daemon, "set", "media/radarr", size)
      expect([size, exitCode, stdout]).toEqual([size, 2, ""])
    }
    for (const limitBytes of [-1, 0, 1.5, 1e300, "20MiB", null, "all"]) {
      const body = { store: "tank", path: "restic/media/radarr", limitBytes }
      expect(await daemon.admin("POST", "/api/v1/quotas/set", body)).toMatchObject({ status: 400 })
    }
    expect(limitOf(place)).toBe("none")
  })

  it("for what is no repository's directory, or leads out of the store, is refused", async () => {
    const { store, place, daemon } = await limitable()
    enableQuotas(store)
    const outside = canary()
    symlinkSync(outside.path, join(store, "restic/media/link"))
    mkdirSync(join(place, "data"))
    subvolume(join(store, "else"))
    const before = outside.state()
    for (const [target, exitCode, said] of [
      ["tank:../other", 2, ""],
      ["tank:restic/../../other", 2, ""],
      ["tank:restic/media/link", 1, "is a link"],
      ["tank:restic/media/link/inner", 4, "lies in repository"],
      ["tank:restic/media/radarr/data", 4, "lies in repository per-pvc"],
      ["tank:restic/media/not-there", 1, "is not there"],
      ["tank:else", 4, "no directory of a declared repository"],
      ["tank:.cistern", 2, "Cistern's own"],
      ["nowhere:restic", 1, "No store"],
      ["media/radarr/x", 2, ""],
    ] as const) {
      const ran = await quotas(daemon, "set", target, "20MiB")
      expect([target, ran.exitCode]).toEqual([target, exitCode])
      expect(ran.stderr).toContain(said)
    }
    // A directory that is no subvolume cannot be limited, and which one can is said.
    const plain = await quotas(daemon, "set", "tank:restic/media", "20MiB")
    expect(plain).toMatchObject({ exitCode: 4 })
    expect(plain.stderr).toContain("is no subvolume")
    expect(outside.state()).toBe(before)
    expect(limitOf(join(store, "else"))).toBe("none")
  })

  it("is refused while another one is under way in that store, and when something changed since it was shown", async () => {
    const { store, place, daemon } = await limitable()
    enableQuotas(store)
    const post = (body: object) => daemon.admin("POST", "/api/v1/quotas/set", body)
    const request = { store: "tank", path: "restic/media/radarr", limitBytes: 20 * MIB }
    const answers = await Promise.all([post(request), post({ ...request, limitBytes: 30 * MIB })])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)?.body).toContain('"busy"')
    const taken = answers.findIndex(({ status }) => status === 200) === 0 ? 20 * MIB : 30 * MIB
    expect(limitOf(place)).toBe(String(taken))

    const plan = await post({ ...request, limitBytes: 50 * MIB, dryRun: true })
    const { basis } = (JSON.parse(plan.body) as { result: { basis: string } }).result
    btrfs("qgroup", "limit", String(10 * MIB), place)
    const late = await post({ ...request, limitBytes: 50 * MIB, basis })
    expect(late).toMatchObject({ status: 409 })
    expect(late.body).toContain("stale_plan")
    expect(limitOf(place)).toBe(String(10 * MIB))
  })

  it("in a store that is fenced sets nothing, there or under the mount point", async () => {
    const { store, daemon } = await limitable({ limit: "20MiB" })
    enableQuotas(store)
    // Whoever looks at it holds it.
    await until(
      () => rowOf(daemon, "restic/media/radarr"),
      ({ measuredAt }) => measuredAt !== null,
      "the first look to end",
    )
    unmount(store)
    const names = readdirSync(store)
    // Another btrfs with the same folders in its place.
    mountImage(btrfsImage(), store)
    enableQuotas(store)
    mkdirSync(join(store, "restic/media"), { recursive: true })
    const other = subvolume(join(store, "restic/media/radarr"))
    const refused = await quotas(daemon, "set", "media/radarr", "20MiB")
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain("Mount the right filesystem there")
    expect(limitOf(other)).toBe("none")
    expect((await quotas(daemon, "prepare", "tank", "--yes")).exitCode).toBe(3)
    const [row] = await rows(daemon)
    expect(row).toMatchObject({ state: "unknown", usedBytes: null, limitBytes: null })
    expect(names).toEqual([])
  })
})

describe("a limit that the filesystem cannot hold", () => {
  it("is watched by a walk, which outlives the daemon's restart and shows its age", async () => {
    const store = mounted(ext4Image(32))
    const place = join(store, "restic/media/radarr")
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, "pack"), Buffer.alloc(3 * MIB, 1))
    const repository = { ...perPvc, quota: { limit: "2MiB" } }
    const daemon = await startDaemon({ document: document(store, [repository]) })
    const path = "restic/media/radarr"
    const row = await until(
      () => rowOf(daemon, path),
      ({ measuredAt }) => measuredAt !== null,
      "a walk through it",
    )
    const du = Number(
      execFileSync("du", ["-s", "--block-size=1", place], { encoding: "utf8" }).split("\t")[0],
    )
    expect(row).toMatchObject({ state: "full", kind: "own", enforced: false, usedBytes: du })
    expect(row.findings.map(({ code }) => code)).toEqual(["full", "not_held"])
    expect(row.findings[1]?.hint).toContain("tune2fs")
    const refused = await quotas(daemon, "set", "media/radarr")
    expect(refused.exitCode).toBe(4)
    expect(refused.stderr).toContain("tune2fs")
    const prepared = await quotas(daemon, "prepare", "tank", "--yes")
    expect(prepared.exitCode).toBe(4)
    expect(prepared.stderr).toContain("prjquota")
    // Nobody is stopped by it.
    writeFileSync(join(place, "more"), Buffer.alloc(2 * MIB, 1))

    await daemon.stop()
    const again = await startDaemon({ state: daemon.state })
    const kept = await until(
      () => rowOf(again, path),
      ({ state }) => state !== "unknown",
      "the figure of before",
    )
    expect(kept).toMatchObject({ measuredAt: row.measuredAt, usedBytes: du })
    const measured = await quotas(again, "measure", "media/radarr", "--json")
    expect(measured.exitCode).toBe(0)
    const { bytes } = JSON.parse(measured.stdout) as { bytes: number }
    expect(bytes).toBe(du + 2 * MIB)
    expect(await rowOf(again, path)).toMatchObject({ usedBytes: bytes })
  })

  it("is unknown, and never 0, before it was measured and where something could not be read", async () => {
    const store = mounted(ext4Image(16))
    const place = join(store, "restic/media/radarr")
    mkdirSync(join(place, "shut"), { recursive: true })
    writeFileSync(join(place, "shut/pack"), Buffer.alloc(MIB, 1))
    chmodSync(store, 0o777)
    const state = scratch()
    execFileSync("chown", ["-R", "65534:65534", state, store])
    chmodSync(join(place, "shut"), 0o700)
    execFileSync("chown", ["0:0", join(place, "shut")])
    const repository = { ...perPvc, quota: { limit: "2MiB" } }
    const daemon = await startDaemon({ state, uid: 65534, document: document(store, [repository]) })
    const row = await until(
      () => rowOf(daemon, "restic/media/radarr"),
      ({ problem }) => problem?.message.includes("could not be read") === true,
      "the walk to end",
    )
    expect(row).toMatchObject({ state: "unknown", usedBytes: null, usedPercent: null })
    const measured = await quotas(daemon, "measure", "media/radarr")
    expect(measured.exitCode).toBe(3)
    expect(measured.stderr).toContain("1 folders could not be read")
  })

  it("on a mount that hangs is unknown, says so in time, and holds up no other store", async () => {
    const [store, other] = [scratch(), scratch()]
    mkdirSync(join(store, "restic/media/radarr"), { recursive: true })
    mkdirSync(join(other, "restic/home/app"), { recursive: true })
    const repository = { ...perPvc, quota: { limit: "2MiB" } }
    const declared = documentOf(store, [
      { ...repository, namespaces: ["media"] },
      { ...repository, name: "second", store: "other", namespaces: ["*", "!media"] },
    ]) as { stores: object[] }
    declared.stores.push({ name: "other", path: other, allowRoot: true })
    const daemon = await startDaemon({ document: declared })
    await until(
      () => rows(daemon),
      (all) => all.filter(({ measuredAt }) => measuredAt !== null).length === 2,
      "both to be measured",
    )
    mountHung(join(store, "restic"))
    const asked = performance.now()
    const { quotas: during } = JSON.parse((await daemon.admin("GET", "/api/v1/quotas")).body) as {
      quotas: Row[]
    }
    expect(performance.now() - asked).toBeLessThan(6_000)
    expect(during.length).toBeGreaterThan(0)
    const hung = await until(
      () => rows(daemon),
      (all) => all.some(({ problem }) => problem?.code === "store_hangs"),
      "the hang to be said",
      30_000,
    )
    expect(hung.find(({ problem }) => problem?.code === "store_hangs")).toMatchObject({ state: "unknown" })
    const set = await quotas(daemon, "set", "tank:restic/media/radarr", "20MiB")
    expect(set.exitCode).toBe(3)
    expect(set.stderr).toContain("has not answered")
    const elsewhere = await quotas(daemon, "measure", "other:restic/home/app")
    expect(elsewhere.exitCode).toBe(0)
    await daemon.stop()
  })

  it("is stopped measuring when that is asked for, and keeps no half figure", async () => {
    const store = mounted(ext4Image(64))
    const place = join(store, "restic/media/radarr")
    for (let folder = 0; folder < 60; folder++) {
      mkdirSync(join(place, `d${folder}`), { recursive: true })
      for (let at = 0; at < 200; at++) writeFileSync(join(place, `d${folder}`, `f${at}`), "")
    }
    const daemon = await startDaemon({ document: document(store, [perPvc]) })
    const target = { store: "tank", path: "restic/media/radarr" }
    const walk = daemon.admin("POST", "/api/v1/quotas/measure", target)
    await until(
      () => daemon.admin("POST", "/api/v1/quotas/measure", { ...target, stop: true }),
      ({ status }) => status === 200,
      "the walk to be stopped",
    )
    const { result } = JSON.parse((await walk).body) as { result: object }
    expect(result).toMatchObject({ measured: false, bytes: null, files: null })
    const whole = await quotas(daemon, "measure", "media/radarr", "--json")
    expect(JSON.parse(whole.stdout)).toMatchObject({ measured: true, files: 60 * 201 + 1 })
    renameSync(place, join(store, "restic/media/sonarr"))
    expect((await quotas(daemon, "measure", "media/radarr")).exitCode).toBe(1)
  })
})
