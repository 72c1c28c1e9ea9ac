import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import {
  createSnapshotRequest,
  type FilesystemSnapshotJson,
  holdSnapshotRequest,
  lookRequest,
  removeSnapshotRequest,
  type RollBackRequest,
  rollBackRequest,
  type SnapshotStoreJson,
} from "../../../../server/http/contract/filesystem-snapshots.js"
import { filesystemSnapshots, snapshotPlace } from "../../../../storage/disk/index.js"
import { KernelServer, type NfsServer, type NfsServerState } from "../../../../storage/nfs/index.js"
import { Chain, type ChainOptions, SettableClock } from "../../../support/answers.js"
import { btrfsMount, subvolume } from "../../../support/btrfs.js"
import { compiled } from "../../../support/compiled.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"
import { btrfsImage, ext4Image, mountImage, unmount } from "../../../support/mounts.js"
import { listing } from "../../../support/tree.js"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let chain: Chain
afterEach(() => chain.stop())

const everyDay = { every: "day", at: "03:30" }
const tree = {
  name: "per-pvc",
  cluster: "home",
  engine: "restic",
  store: "nas",
  path: "restic/{namespace}/{pvc}",
}

interface Scene extends Partial<ChainOptions> {
  readonly path?: string
  readonly filesystemSnapshots?: object
  readonly exports?: readonly object[]
}

/** A chain over a store that is a subvolume, unless it is said where the store is. */
async function scene({ path, filesystemSnapshots, exports = [], ...options }: Scene = {}): Promise<{
  store: string
  state: string
}> {
  const store = path ?? subvolume(join(btrfsMount(), "nas"))
  const state = options.state ?? scratch()
  chain = new Chain({ ...options, state })
  await chain.apply({
    stores: [{ name: "nas", path: store, ...(filesystemSnapshots && { filesystemSnapshots }) }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories: [tree],
    exports,
  })
  return { store, state }
}

const snapshots = () => chain.administration.filesystemSnapshots

async function row(): Promise<SnapshotStoreJson> {
  const [only] = (await snapshots().list("nas")).stores
  if (only === undefined) throw new Error("no store")
  return only
}

async function made(reason = "by-hand", hold?: string): Promise<FilesystemSnapshotJson> {
  const request = createSnapshotRequest.parse({ store: "nas", reason, ...(hold && { hold }) })
  const { result } = await snapshots().create(request, "test")
  const [first] = result?.made ?? []
  if (first === undefined) throw new Error(`none was made: ${JSON.stringify(result)}`)
  return first
}

async function remove(name: string, dryRun = false) {
  const request = removeSnapshotRequest.parse({ store: "nas", name, dryRun })
  return (await snapshots().remove(request, "test")).result
}

async function rollBack(request: RollBackRequest) {
  const { result } = await snapshots().rollBacks.rollBack(rollBackRequest.parse(request), "test")
  if (result === null) throw new Error("not done yet")
  return result
}

function refused(code: string): Error {
  return expect.objectContaining({ code }) as Error
}

function homes(store: string): string[] {
  const folder = join(store, ".cistern/filesystem-snapshots")
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

/** Of the day, three hours after the scheduled time, so that no spread matters. */
function clockAt(time: string): SettableClock {
  const clock = new SettableClock()
  clock.wallOffset = Date.parse(time) - clock.now().wall
  return clock
}

function pass(clock: SettableClock, milliseconds: number): void {
  clock.wallOffset += milliseconds
  clock.monoOffset += milliseconds
}

describe("the schedule", () => {
  it("makes one when it is declared, then one at each time, and a missed one once, also after a restart", async () => {
    const clock = clockAt("2026-11-22T06:30:00Z")
    const schedule = { schedule: everyDay, keep: { last: 10, minimumAge: "0m" } }
    const { store, state } = await scene({ clock, filesystemSnapshots: schedule })
    const { keeper } = snapshots()
    await keeper.tick()
    await keeper.tick()
    expect(homes(store)).toHaveLength(1)
    expect(homes(store)[0]).toContain("-scheduled")
    pass(clock, 20 * HOUR_MS)
    await keeper.tick()
    expect(homes(store)).toHaveLength(1)
    pass(clock, 4 * HOUR_MS)
    await keeper.tick()
    expect(homes(store)).toHaveLength(2)
    expect((await row()).schedule).toMatchObject({
      schedule: "every day at 03:30 UTC",
      last: { outcome: "ok", detail: null, removed: [] },
    })

    // Five days of a machine that is off are made up by one.
    await chain.stop()
    pass(clock, 5 * DAY_MS)
    chain = new Chain({ state, clock })
    await snapshots().keeper.tick()
    await snapshots().keeper.tick()
    expect(homes(store)).toHaveLength(3)
    await chain.stop()
    chain = new Chain({ state, clock })
    await snapshots().keeper.tick()
    expect(homes(store)).toHaveLength(3)
  })

  it("never makes two of a store at once, whoever else asks", async () => {
    const { store } = await scene({ filesystemSnapshots: { schedule: { every: "hour" } } })
    const { keeper } = snapshots()
    const several = await Promise.allSettled([keeper.tick(), keeper.tick(), made(), made()])
    const busy = several.filter(({ status }) => status === "rejected")
    for (const one of busy) expect(one).toMatchObject({ reason: { status: 409, code: "busy" } })
    expect(homes(store).length + busy.length).toBe(3)
    expect(homes(store).filter((name) => name.endsWith("-scheduled"))).toHaveLength(1)
    await keeper.tick()
    expect(homes(store).filter((name) => name.endsWith("-scheduled"))).toHaveLength(1)
  })

  it("waits for its turn while something else changes the store, and does not miss it", async () => {
    const { store } = await scene({ filesystemSnapshots: { schedule: { every: "hour" } } })
    let end: () => void = () => undefined
    const other = chain.administration.directories.runs.alone(
      "nas",
      () => new Promise<void>((ended) => (end = ended)),
    )
    await snapshots().keeper.tick()
    expect(homes(store)).toEqual([])
    expect((await row()).schedule?.last).toBeNull()
    end()
    await other
    await snapshots().keeper.tick()
    expect(homes(store)).toHaveLength(1)
  })

  it("removes by the rules, says why, and never removes what is held, the newest, or what is not ours", async () => {
    const clock = clockAt("2026-11-22T06:30:00Z")
    const filesystemSnapshots = { schedule: everyDay, keep: { last: 2, minimumAge: "0m" } }
    const { store } = await scene({ clock, filesystemSnapshots })
    const held = await made("before-upgrade", "upgrade")
    mkdirSync(join(store, ".cistern/filesystem-snapshots/mine-of-old"))
    for (let day = 0; day < 4; day++) {
      pass(clock, DAY_MS)
      await snapshots().keeper.tick()
    }
    const left = (await row()).snapshots
    expect(left.filter(({ reason }) => reason === "scheduled")).toHaveLength(2)
    expect(left.map(({ name }) => name)).toContain(held.name)
    expect(homes(store)).toContain("mine-of-old")
    expect(left.find(({ name }) => name === "mine-of-old")).toMatchObject({ ours: false })
    expect(chain.logged.filter((line) => line.startsWith("filesystem snapshot removed"))).toHaveLength(2)
    expect(chain.logged.join("\n")).toContain("reasons=no rule keeps it")

    await snapshots().release(
      holdSnapshotRequest.parse({ store: "nas", name: held.name, holder: "upgrade" }),
      "test",
    )
    const { verdicts } = await snapshots().retention("nas")
    expect(verdicts.filter(({ goes }) => goes).map(({ snapshot }) => snapshot.name)).toEqual([held.name])
    expect(verdicts.find(({ snapshot }) => snapshot.name === "mine-of-old")?.reasons).toEqual([
      "not one of Cistern's",
    ])
    expect(homes(store)).toContain(held.name)
  })

  it("makes nothing while the store is fenced, says so, and makes it when the right filesystem is back", async () => {
    const clock = clockAt("2026-11-22T06:30:00Z")
    const place = join(scratch(), "nas")
    const image = btrfsImage()
    mountImage(image, place)
    await scene({ path: place, clock, filesystemSnapshots: { schedule: everyDay } })
    unmount(place)
    await snapshots().keeper.tick()
    expect(readdirSync(place)).toEqual([])
    expect((await row()).schedule?.last).toMatchObject({ outcome: "skipped", made: [] })
    // Another filesystem in its place is not the store either.
    mountImage(btrfsImage(), place)
    mkdirSync(join(place, ".cistern"))
    pass(clock, HOUR_MS / 6)
    await snapshots().keeper.tick()
    expect(readdirSync(join(place, ".cistern"))).toEqual([])
    unmount(place)
    mountImage(image, place)
    pass(clock, HOUR_MS / 6)
    await snapshots().keeper.tick()
    expect(homes(place)).toHaveLength(1)
    expect((await row()).schedule?.last).toMatchObject({ outcome: "ok", detail: null })
    expect(chain.logged.filter((line) => line.includes("outcome=skipped"))).not.toHaveLength(0)
  })

  it("makes none where clients would reach it, and says through which export", async () => {
    const filesystemSnapshots = { schedule: everyDay }
    const exports = [{ store: "nas", cluster: "home", access: "readWrite" }]
    const { store } = await scene({ filesystemSnapshots, exports })
    await snapshots().keeper.tick()
    expect(homes(store)).toEqual([])
    expect((await row()).schedule?.last).toMatchObject({ outcome: "failed" })
    expect((await row()).schedule?.last?.detail).toContain(
      "could reach filesystem snapshots through the export",
    )
    expect(await check("filesystem snapshots of store nas")).toMatchObject({
      status: "fail",
      hint: expect.stringContaining("Export folders in the store") as string,
    })
  })

  it("makes none where somebody else exports what is around it", async () => {
    const disk = btrfsMount()
    const store = subvolume(join(disk, "nas"))
    const state = { running: true, active: [{ path: disk, client: "*", options: ["rw"] }], own: [] }
    await scene({
      path: store,
      filesystemSnapshots: { schedule: everyDay },
      nfsServer: serverWith(() => state as unknown as NfsServerState),
    })
    await snapshots().keeper.tick()
    expect((await row()).schedule?.last?.detail).toContain(`through the export of ${disk}`)
  })

  it("says that there is no room, leaves nothing half made, and is tried again", async () => {
    const clock = clockAt("2026-11-22T06:30:00Z")
    const { store } = await scene({ clock, filesystemSnapshots: { schedule: everyDay } })
    const programs = scratch()
    writeFileSync(join(programs, "btrfs"), "#!/bin/sh\necho 'ERROR: No space left on device' >&2\nexit 1\n", {
      mode: 0o755,
    })
    const { PATH } = process.env
    process.env["PATH"] = `${programs}:${PATH ?? ""}`
    try {
      await snapshots().keeper.tick()
    } finally {
      process.env["PATH"] = PATH
    }
    expect(homes(store)).toEqual([])
    const { schedule } = await row()
    expect(schedule?.last).toMatchObject({ outcome: "failed", made: [] })
    expect(schedule?.last?.detail).toContain("No space left on device")
    expect(await check("filesystem snapshots of store nas")).toMatchObject({ status: "fail" })
    await snapshots().keeper.tick()
    expect(homes(store)).toEqual([])
    pass(clock, HOUR_MS / 6)
    await snapshots().keeper.tick()
    expect(homes(store)).toHaveLength(1)
    expect((await row()).schedule?.last).toMatchObject({ outcome: "ok" })
  })
})

async function check(name: string) {
  const checks = await snapshots().checks()
  return checks.find((one) => one.name === name)
}

function serverWith(state: () => NfsServerState): NfsServer {
  return {
    kind: "kernel",
    state: () => Promise.resolve(state()),
    refusals: () => Promise.resolve([]),
    plan: () => Promise.resolve({ added: [], removed: [] }),
    apply: () => Promise.resolve(),
  }
}

describe("by hand", () => {
  it.each([
    "../../etc",
    "a b",
    "",
    "-rf",
    "x\ny",
    "x; reboot",
    "$(reboot)",
    "a/b",
    "\u0000",
    "ü",
    "a".repeat(61),
    "a--b",
  ])("a reason that can be no name is refused, and nothing is made: %j", async (reason) => {
    const { store } = await scene()
    await expect(
      snapshots().create(createSnapshotRequest.parse({ store: "nas", reason }), "test"),
    ).rejects.toThrow(refused("invalid"))
    await expect(
      snapshots().create(createSnapshotRequest.parse({ store: "nas", hold: reason }), "test"),
    ).rejects.toThrow(refused("invalid"))
    expect(homes(store)).toEqual([])
  })

  it("the newest, one that is held and one of others are not removed; another one is", async () => {
    const { store } = await scene()
    const first = await made("first")
    const newest = await made("newest")
    mkdirSync(join(store, ".cistern/filesystem-snapshots/mine"))
    await expect(remove(newest.name)).rejects.toThrow(refused("newest"))
    await expect(remove("mine")).rejects.toThrow(refused("not_ours"))
    await expect(remove("cistern-20200101T000000Z-none")).rejects.toThrow(refused("not_found"))
    const hold = holdSnapshotRequest.parse({ store: "nas", name: first.name })
    expect((await snapshots().hold(hold, "test")).snapshot.holds).toEqual(["administrator"])
    await expect(remove(first.name)).rejects.toThrow(refused("held"))
    expect((await snapshots().release(hold, "test")).snapshot.holds).toEqual([])
    expect(await remove(first.name, true)).toMatchObject({ removed: false })
    expect(homes(store)).toContain(first.name)
    expect(await remove(first.name)).toMatchObject({ removed: true })
    expect(homes(store)).toEqual([newest.name, "mine"])
  })

  it("each subvolume that a repository is gets its own", async () => {
    const { store } = await scene({ path: subvolumes() })
    await chain.ask("media/radarr")
    const request = createSnapshotRequest.parse({ store: "nas", reason: "all" })
    const { result } = await snapshots().create(request, "test")
    expect(result?.made.map(({ of }) => of).sort()).toEqual([".", "restic/media/radarr"])
    const inner = result?.made.find(({ of }) => of !== ".")
    expect(existsSync(join(inner?.path ?? "", "config"))).toBe(true)
    expect((await row()).trees.map(({ of }) => of).sort()).toEqual([".", "restic/media/radarr"])

    writeFileSync(join(store, "restic/media/radarr/config"), "ransom")
    const to = inner?.name ?? ""
    const target = { namespace: "media", pvc: "radarr", to }
    const plan = await rollBack({ ...target, dryRun: true })
    expect(plan).toMatchObject({ method: "subvolume", rolledBack: false, then: { files: 1 } })
    await rollBack({ ...target, basis: plan.basis })
    expect(listing(join(store, "restic/media/radarr"))).toBe(listing(inner?.path ?? ""))
  })

  it("on ext4 none can be made, which is said once and is no warning", async () => {
    const place = join(scratch(), "nas")
    mountImage(ext4Image(), place)
    await scene({ path: place })
    expect((await row()).trees).toMatchObject([
      { possible: false, message: "ext4 has no filesystem snapshots" },
    ])
    const checks = await snapshots().checks()
    expect(checks).toHaveLength(1)
    expect(checks[0]).toMatchObject({ name: "filesystem snapshots", status: "ok" })
    expect(checks[0]?.detail).toContain("a mover with write access can destroy every backup")
    const { result } = await snapshots().create(createSnapshotRequest.parse({ store: "nas" }), "test")
    expect(result).toMatchObject({ made: [], failed: [{ problem: { code: "unsupported" } }] })
  })

  it("without a schedule the doctor asks for one, with the lines to add", async () => {
    await scene()
    expect(await check("filesystem snapshots of store nas")).toMatchObject({
      status: "warn",
      hint: expect.stringContaining('schedule: { every: day, at: "03:30" }') as string,
    })
  })

  it("the doctor says when the last one is too old, and which are held for long", async () => {
    const clock = clockAt("2026-11-22T06:30:00Z")
    await scene({ clock, filesystemSnapshots: { schedule: everyDay } })
    await made("before-upgrade", "upgrade")
    await snapshots().keeper.tick()
    const name = "filesystem snapshots of store nas"
    expect(await check(name)).toMatchObject({ status: "ok" })
    pass(clock, 2 * DAY_MS)
    expect(await check(name)).toMatchObject({ status: "warn" })
    pass(clock, 2 * DAY_MS)
    expect(await check(name)).toMatchObject({ status: "fail" })
    expect(await check("held filesystem snapshots of store nas")).toBeUndefined()
    pass(clock, 30 * DAY_MS)
    const held = await check("held filesystem snapshots of store nas")
    expect(held).toMatchObject({ status: "warn" })
    expect(held?.detail).toContain("by upgrade")
  })
})

function subvolumes(): string {
  const store = subvolume(join(btrfsMount(), "nas"))
  mkdirSync(join(store, "restic/media"), { recursive: true })
  writeFileSync(join(subvolume(join(store, "restic/media/radarr")), "config"), "config")
  return store
}

describe("a roll back", () => {
  it.each([
    ["of a whole store", { store: "nas", path: "" }, "whole_store"],
    ["of a part of a repository", { store: "nas", path: "restic/media/radarr/snapshots" }, "in_repository"],
    ["of Cistern's own folder", { store: "nas", path: ".cistern" }, "invalid"],
    ["of a path that leaves the store", { store: "nas", path: "../etc" }, "invalid"],
    ["of what was not there then", { store: "nas", path: "restic/media/sonarr" }, "missing"],
  ])("%s is refused", async (_, target, code) => {
    const store = subvolume(join(btrfsMount(), "nas"))
    mkdirSync(join(store, "restic/media/radarr/snapshots"), { recursive: true })
    await scene({ path: store })
    const { name } = await made()
    mkdirSync(join(store, "restic/media/sonarr"))
    await expect(rollBack({ ...target, to: name })).rejects.toThrow(refused(code))
  })

  it("withdraws what is exported around it before anything is exchanged, and is not done while that is not gone", async () => {
    const store = subvolume(join(btrfsMount(), "nas"))
    const directory = join(store, "restic/media/radarr")
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "config"), "then")
    const path = join(store, "restic")
    let isStubborn = true
    const wanted: string[][] = []
    const state = {
      running: true,
      settings: [],
      own: [],
      active: [{ path, client: "10.0.0.0/8", options: ["rw"] }],
    }
    const nfsServer: NfsServer = {
      ...serverWith(() => state),
      plan: () => Promise.resolve({ added: [], removed: ["x"] }),
      apply: (exports) => {
        wanted.push(exports.map((one) => one.path))
        // What clients see at that moment.
        if (!isStubborn)
          state.active = exports.map((one) => ({ path: one.path, client: "10.0.0.0/8", options: ["rw"] }))
        return Promise.resolve()
      },
    }
    const exports = [{ store: "nas", path: "restic", cluster: "home", access: "readWrite" }]
    await scene({ path: store, exports, nfsServer })
    const { exportKeeper } = chain.administration
    exportKeeper.start(3_600_000)
    await exportKeeper.look()
    const { name } = await made()
    writeFileSync(join(directory, "config"), "now")
    const target = { store: "nas", path: "restic/media/radarr", to: name }
    const plan = await rollBack({ ...target, dryRun: true })
    expect(plan.withdrawn).toEqual([path])
    await expect(rollBack(target)).rejects.toThrow(`${path} is still exported`)
    expect(listing(directory)).not.toBe(listing(plan.from))
    isStubborn = false
    wanted.length = 0
    const { aside } = await rollBack(target)
    expect(listing(directory)).toBe(listing(plan.from))
    expect(aside).not.toBeNull()
    expect(wanted[0]).toEqual([])
    expect(wanted.at(-1)).toEqual([path])
    await exportKeeper.stop()
  })

  it("is not done when something changed since it was shown", async () => {
    const store = subvolume(join(btrfsMount(), "nas"))
    const directory = join(store, "restic/media/radarr")
    mkdirSync(directory, { recursive: true })
    await scene({ path: store })
    const { name } = await made("one")
    writeFileSync(join(directory, "config"), "later")
    const other = await made("two")
    const { basis } = await rollBack({ store: "nas", path: "restic/media/radarr", to: name, dryRun: true })
    await expect(
      rollBack({ store: "nas", path: "restic/media/radarr", to: other.name, basis }),
    ).rejects.toThrow(refused("stale_plan"))
    expect(existsSync(join(store, ".cistern/set-aside"))).toBe(false)
  })

  it("is looked at before: what was no repository then is said to be none", async () => {
    const store = subvolume(join(btrfsMount(), "nas"))
    mkdirSync(join(store, "restic/media/radarr"), { recursive: true })
    await scene({ path: store })
    const { name } = await made()
    const look = (path: string) => snapshots().look(lookRequest.parse({ store: "nas", name, path }))
    await expect(look("restic/media/radarr")).rejects.toThrow(refused("empty"))
    await expect(look("../../etc")).rejects.toThrow(refused("invalid"))
    await expect(look("restic/none/there")).rejects.toThrow(refused("missing"))
  })
})

describe("with the real exportfs", () => {
  const client = "10.0.0.0/8"

  /** An exported folder of the store with the repository in it, kept by the keeper. `tables`: what was exported after each change. */
  async function exported(): Promise<{ store: string; path: string; directory: string; tables: string[][] }> {
    const machine = new ExportfsMachine()
    const store = subvolume(join(btrfsMount(), "nas"))
    const path = join(store, "restic")
    const directory = join(path, "media/radarr")
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "config"), "then")
    const server = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
    const tables: string[][] = []
    const nfsServer: NfsServer = {
      kind: "kernel",
      state: () => server.state(),
      refusals: (wanted) => server.refusals(wanted),
      plan: (wanted, options) => server.plan(wanted, options),
      apply: async (wanted, options) => {
        await server.apply(wanted, options)
        // Whoever looks meanwhile is not told that it was interrupted, and lets no client in.
        const { rollBacks } = await snapshots().rollBacks.unfinished()
        if (wanted.length === 0) expect(rollBacks.filter(({ state }) => state === "before")).toEqual([])
        const state = await server.state()
        const config = join(directory, "config")
        tables.push([
          ...(state?.active ?? []).map((one) => `${one.path} ${one.client}`),
          existsSync(config) ? readFileSync(config, "utf8") : "nothing",
        ])
      },
    }
    const exports = [{ store: "nas", path: "restic", cluster: "home", access: "readWrite" }]
    await scene({ path: store, exports, nfsServer })
    chain.administration.exportKeeper.start(3_600_000)
    await chain.administration.exportKeeper.look()
    return { store, path, directory, tables }
  }

  it("nobody can mount what is around a directory while it is exchanged, and everybody can afterwards", async () => {
    const { path, directory, tables } = await exported()
    const { name } = await made()
    writeFileSync(join(directory, "config"), "now")
    tables.length = 0
    await rollBack({ store: "nas", path: "restic/media/radarr", to: name })
    await chain.administration.exportKeeper.stop()
    expect(tables).toEqual([["now"], [`${path} ${client}`, "then"]])
  })

  it("it stays withdrawn after a crash between the two moves, until that is settled", async () => {
    const { store, path, directory, tables } = await exported()
    const { name } = await made()
    await crashBetween(store, directory, name)
    expect(existsSync(directory)).toBe(false)
    const { rollBacks } = await snapshots().rollBacks.unfinished()
    expect(rollBacks).toMatchObject([{ state: "between", directory, snapshot: name }])
    await chain.administration.exportKeeper.look().catch(() => undefined)
    const { exports } = await chain.administration.exports()
    expect(exports).toMatchObject([{ problem: { code: "roll_back" } }])
    tables.length = 0
    await snapshots().rollBacks.settle("nas", rollBacks[0]?.id ?? "", "test")
    await chain.administration.exportKeeper.stop()
    expect(tables).toEqual([[`${path} ${client}`, "then"]])
    expect((await snapshots().rollBacks.unfinished()).rollBacks).toEqual([])
  })
})

/** What a crash between the two renames leaves: the same moves and the same journal. */
async function crashBetween(store: string, directory: string, name: string): Promise<void> {
  const list = filesystemSnapshots(snapshotPlace(directory, { store, exported: [] }))
  const snapshot = (await list.list()).find((one) => one.name === name)
  if (snapshot === undefined) throw new Error(`no ${name}`)
  const script = join(compiled("storage"), "crash.js")
  writeFileSync(
    script,
    `import { rollBack } from "./storage/disk/index.js"
const { place, snapshot, directory } = JSON.parse(process.argv[2])
await rollBack(place, snapshot, directory, {
  onStep: (step) => { if (step === "set_aside") process.kill(process.pid, "SIGKILL") },
})
`,
  )
  const { signal } = spawnSync(process.execPath, [
    script,
    JSON.stringify({ place: list.place, snapshot, directory }),
  ])
  expect(signal).toBe("SIGKILL")
}
