import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { canSnapshot, filesystemSnapshots, pathIn, snapshotPlace } from "../../../../storage/disk/index.js"
import { btrfs, commit, enableQuotas, subvolume, writeUpTo } from "../../../support/btrfs.js"
import { scratch } from "../../../support/fixtures.js"
import { btrfsImage, mountBind, mountImage, mountTmpfs, unmount } from "../../../support/mounts.js"
import { folderIn, snapshotsOf, snapshotStore } from "../../../support/snapshot-store.js"

const MIB = 1024 * 1024
const SNAPSHOTS = ".cistern/filesystem-snapshots"
const reason = "before-prune"

describe("filesystem snapshots on btrfs", () => {
  it("hold a repository as it was, read-only, where only root can look", async () => {
    const { store } = snapshotStore()
    const repository = folderIn(store, "kopia/app")
    writeFileSync(join(repository, "pack"), "then")
    const snapshots = snapshotsOf(repository, store)
    const now = new Date("2026-11-21T20:45:00.123Z")
    const made = await snapshots.create({ reason, now, expiresAt: Date.parse("2026-11-22T20:45:00Z") })
    writeFileSync(join(repository, "pack"), "now")
    expect(made).toEqual({
      name: "cistern-20261121T204500Z-before-prune",
      ours: true,
      createdAt: now.getTime(),
      reason,
      expiresAt: Date.parse("2026-11-22T20:45:00Z"),
      holds: [],
      path: join(store, SNAPSHOTS, "cistern-20261121T204500Z-before-prune/tree"),
      state: "whole",
      ownBytes: { unknown: expect.any(String) as string },
    })
    const then = pathIn(snapshots.place, made, repository)
    expect(readFileSync(join(then, "pack"), "utf8")).toBe("then")
    expect(() => {
      writeFileSync(join(then, "pack"), "x")
    }).toThrow("EROFS")
    expect(statSync(join(store, SNAPSHOTS)).mode & 0o777).toBe(0o700)
    expect(btrfs("property", "get", "-ts", String(made.path), "ro")).toBe("ro=true\n")
  })

  it("are listed newest first from what lies beside them, without any state", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    expect(await snapshots.list()).toEqual([])
    for (const minute of [10, 30, 20])
      await snapshots.create({ reason: `at-${minute}`, now: new Date(Date.UTC(2026, 0, 1, 12, minute)) })
    const seen = await snapshotsOf(store, store).list()
    expect(seen.map((one) => one.reason)).toEqual(["at-30", "at-20", "at-10"])
    expect(seen.every(({ ours, state }) => ours && state === "whole")).toBe(true)
  })

  it("are not in each other", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const first = await snapshots.create({ reason })
    const second = await snapshots.create({ reason })
    const inside = join(String(second.path), SNAPSHOTS, first.name)
    expect(readdirSync(join(inside, "tree"))).toEqual([])
    await snapshots.remove(first.name)
    expect((await snapshots.list()).map(({ name }) => name)).toEqual([second.name])
  })

  it("never get the same name, even within one second", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const now = new Date("2026-11-21T23:59:59.900Z")
    const made = await Promise.all([1, 2, 3].map(() => snapshots.create({ reason, now })))
    expect(made.map(({ name }) => name).sort()).toEqual([
      "cistern-20261121T235959Z-before-prune",
      "cistern-20261122T000000Z-before-prune",
      "cistern-20261122T000001Z-before-prune",
    ])
    expect(made.every(({ createdAt }) => createdAt === now.getTime())).toBe(true)
  })

  it.each(["", "a b", "a/b", "..", "-a", "a-", "é", "a\n", "x".repeat(61)])(
    "are not made for the reason %j",
    async (wrong) => {
      const { store } = snapshotStore()
      await expect(snapshotsOf(store, store).create({ reason: wrong })).rejects.toMatchObject({
        code: "invalid",
      })
      expect(await snapshotsOf(store, store).list()).toEqual([])
    },
  )

  it("are of one subvolume each: that of the store, or one in it", async () => {
    const { store } = snapshotStore()
    const own = subvolume(join(store, "own"))
    writeFileSync(join(own, "pack"), "own")
    const [ofStore, ofOwn] = [snapshotsOf(store, store), snapshotsOf(own, store)]
    expect(ofOwn.place).toMatchObject({ kind: "btrfs", tree: own, store })
    const made = await ofOwn.create({ reason })
    const around = await ofStore.create({ reason })
    expect((await ofOwn.list()).map(({ name }) => name)).toEqual([made.name])
    expect((await ofStore.list()).map(({ name }) => name)).toEqual([around.name])
    expect(readFileSync(join(pathIn(ofOwn.place, made, own), "pack"), "utf8")).toBe("own")
    expect(() => pathIn(ofStore.place, around, own)).toThrow("subvolume of its own")
    await expect(ofStore.remove(made.name)).rejects.toMatchObject({ code: "invalid" })
    expect(existsSync(join(String(made.path), "pack"))).toBe(true)
  })

  it("hold space, which is told where quotas are counted", async () => {
    const { disk, store } = snapshotStore()
    enableQuotas(disk)
    const repository = folderIn(store, "kopia")
    writeUpTo(join(repository, "pack"), 10 * MIB)
    const snapshots = snapshotsOf(repository, store)
    await snapshots.create({ reason })
    unlinkSync(join(repository, "pack"))
    commit(disk)
    const [made] = await snapshots.list()
    expect(made?.ownBytes).toBeGreaterThanOrEqual(10 * MIB)
  })

  it("are removed, and their space with them", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const { name } = await snapshots.create({ reason })
    await snapshots.remove(name)
    expect(readdirSync(join(store, SNAPSHOTS))).toEqual([])
    expect(btrfs("subvolume", "list", store)).not.toContain(name)
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "missing" })
  })
})

describe("a held filesystem snapshot", () => {
  it("is not removed until every holder has let go, also by another process", async () => {
    const { store } = snapshotStore()
    const { name, holds } = await snapshotsOf(store, store).create({ reason, hold: "run-1" })
    expect(holds).toEqual(["run-1"])
    const snapshots = snapshotsOf(store, store)
    for (let twice = 0; twice < 2; twice++) await snapshots.hold(name, "run-2")
    expect((await snapshots.list())[0]?.holds).toEqual(["run-1", "run-2"])
    await expect(snapshots.remove(name)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("run-1, run-2") as string,
    })
    await snapshots.release(name, "run-1")
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "invalid" })
    await snapshots.release(name, "run-1")
    await snapshots.release(name, "run-2")
    await snapshots.remove(name)
    expect(await snapshots.list()).toEqual([])
  })

  it("has holders whose names are words", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const { name } = await snapshots.create({ reason })
    for (const wrong of ["../about.json", "a b", ""]) {
      await expect(snapshots.hold(name, wrong)).rejects.toMatchObject({ code: "invalid" })
      await expect(snapshots.release(name, wrong)).rejects.toMatchObject({ code: "invalid" })
    }
    await expect(snapshots.create({ reason, hold: "a/b" })).rejects.toMatchObject({ code: "invalid" })
    expect(await snapshots.list()).toHaveLength(1)
  })
})

describe("what Cistern did not make", () => {
  it("is shown and left alone", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    await snapshots.create({ reason })
    const foreign = ["snapper-1", "cistern-yesterday", "cistern-20260231T000000Z-x", "-rf", "a b\n"]
    for (const name of foreign) subvolume(join(store, SNAPSHOTS, name))
    const seen = await snapshots.list()
    expect(
      seen
        .filter(({ ours }) => !ours)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...foreign].sort())
    for (const name of [...foreign, "..", ".", "../store.json", ""]) {
      await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "invalid" })
      await expect(snapshots.hold(name, "me")).rejects.toMatchObject({ code: "invalid" })
    }
    for (const name of foreign) expect(lstatSync(join(store, SNAPSHOTS, name)).isDirectory()).toBe(true)
  })

  it("is left alone under a name of ours, too", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const { name } = await snapshots.create({ reason })
    const at = (minute: number): string => `cistern-20200101T00${minute}00Z-fake`
    const folder = join(store, SNAPSHOTS)
    // A subvolume where the folder of a snapshot should be, with a subvolume in it and no record beside.
    subvolume(join(folder, at(10)))
    subvolume(join(folder, at(10), "tree"))
    // A link to another snapshot's folder.
    symlinkSync(join(folder, name), join(folder, at(11)))
    // A record that tells nothing.
    mkdirSync(join(folder, at(12)))
    writeFileSync(join(folder, at(12), "about.json"), "{}")
    subvolume(join(folder, at(12), "tree"))
    // A folder where the snapshot should be.
    mkdirSync(join(folder, at(13), "tree"), { recursive: true })
    for (const minute of [10, 11, 12, 13]) {
      const seen = (await snapshots.list()).find((one) => one.name === at(minute))
      expect(seen, at(minute)).toMatchObject({ state: "unclear", path: undefined })
      const code = minute === 11 ? "missing" : "corrupt"
      await expect(snapshots.remove(at(minute)), at(minute)).rejects.toMatchObject({ code })
      await expect(snapshots.hold(at(minute), "me")).rejects.toMatchObject({ code })
    }
    expect(existsSync(join(folder, at(10), "tree"))).toBe(true)
    expect(existsSync(join(folder, at(12), "tree"))).toBe(true)
    expect(existsSync(join(folder, at(13), "tree"))).toBe(true)
    expect(existsSync(join(folder, name, "tree"))).toBe(true)
  })

  it("is what was made writable", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const { name, path } = await snapshots.create({ reason })
    btrfs("property", "set", "-ts", String(path), "ro", "false")
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "invalid" })
    expect(existsSync(String(path))).toBe(true)
  })

  it("is everything in a folder that is only a link", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const { name } = await snapshots.create({ reason })
    const away = join(store, "away")
    renameSync(join(store, SNAPSHOTS), away)
    symlinkSync(away, join(store, SNAPSHOTS))
    await expect(snapshots.list()).rejects.toMatchObject({ code: "missing" })
    await expect(snapshots.create({ reason })).rejects.toMatchObject({ code: "missing" })
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "missing" })
    expect(readdirSync(away)).toEqual([name])
  })
})

describe("a filesystem snapshot whose making was interrupted", () => {
  it("is seen as unfinished, and removed", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const kept = await snapshots.create({ reason, now: new Date("2026-01-02") })
    const bare = "cistern-20260101T000000Z-a"
    mkdirSync(join(store, SNAPSHOTS, bare))
    const noted = "cistern-20260101T000001Z-b"
    mkdirSync(join(store, SNAPSHOTS, noted))
    const about = join(store, SNAPSHOTS, kept.name, "about.json")
    writeFileSync(join(store, SNAPSHOTS, noted, "about.json"), readFileSync(about))
    writeFileSync(join(store, SNAPSHOTS, noted, ".hold-me.01234567-89ab-4def-8123-456789abcdef.tmp"), "")
    expect((await snapshots.list()).map(({ state }) => state).sort()).toEqual([
      "unfinished",
      "unfinished",
      "whole",
    ])
    for (const name of [bare, noted]) await snapshots.remove(name)
    expect((await snapshots.list()).map(({ name }) => name)).toEqual([kept.name])
  })

  it("because the program failed leaves nothing behind", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    const path = process.env["PATH"]
    const programs = scratch()
    writeFileSync(join(programs, "btrfs"), "#!/bin/sh\necho 'ERROR: No space left on device' >&2\nexit 1\n", {
      mode: 0o755,
    })
    process.env["PATH"] = `${programs}:${String(path)}`
    try {
      await expect(snapshots.create({ reason, hold: "me" })).rejects.toMatchObject({ code: "io" })
    } finally {
      process.env["PATH"] = path
    }
    expect(readdirSync(join(store, SNAPSHOTS))).toEqual([])
  })
})

describe("whether filesystem snapshots can be made", () => {
  function answer(directory: string, store: string, exported: readonly string[] = []) {
    return canSnapshot(directory, { store, exported })
  }

  it("is no where the filesystem has none", () => {
    const store = join(scratch(), "store")
    mountTmpfs(store)
    expect(answer(store, store)).toMatchObject({
      possible: false,
      message: "tmpfs has no filesystem snapshots",
    })
    expect(() => snapshotPlace(store, { store, exported: [] })).toThrow("has no filesystem snapshots")
  })

  it("is no where the store is only a folder of a larger subvolume", () => {
    const { store } = snapshotStore()
    const inner = folderIn(store, "inner")
    mkdirSync(join(inner, ".cistern"))
    expect(answer(inner, inner)).toMatchObject({ possible: false })
    expect(answer(inner, store)).toMatchObject({ possible: true, place: { tree: store } })
  })

  it("is no where only a folder of the subvolume is mounted", () => {
    const { store } = snapshotStore()
    const folder = folderIn(store, "folder")
    const bound = join(scratch(), "bound")
    mountBind(folder, bound)
    expect(answer(bound, bound)).toMatchObject({ possible: false })
  })

  it("is no while the store's own folder can be reached through an export, by whichever mount", () => {
    const image = btrfsImage()
    const whole = join(scratch(), "whole")
    mountImage(image, whole)
    const backups = subvolume(join(whole, "backups"))
    const store = join(scratch(), "store")
    mountImage(image, store, "subvol=backups")
    const other = join(scratch(), "other")
    mountBind(join(backups), other)
    folderIn(store, "kopia")
    const link = join(scratch(), "link")
    symlinkSync(store, link)
    for (const path of ["/", store, link, join(store, ".cistern"), whole, backups, other]) {
      expect(answer(store, store, ["/srv/none", path]), path).toMatchObject({
        possible: false,
        message: expect.stringContaining(path) as string,
      })
    }
    const harmless = [
      join(store, "kopia"),
      join(other, "kopia"),
      `${store}-2`,
      "/srv",
      join(backups, ".cist"),
    ]
    expect(answer(store, store, harmless)).toMatchObject({ possible: true })
  })

  it("is no on a filesystem that is mounted read-only, and there the old ones are still listed", async () => {
    const image = btrfsImage()
    const store = join(scratch(), "store")
    mountImage(image, store)
    mkdirSync(join(store, ".cistern"))
    const { place } = snapshotsOf(store, store)
    const { name } = await filesystemSnapshots(place).create({ reason })
    unmount(store)
    mountImage(image, store, "ro")
    expect(answer(store, store)).toMatchObject({ possible: false })
    expect((await filesystemSnapshots(place).list()).map((one) => one.name)).toEqual([name])
    await expect(filesystemSnapshots(place).remove(name)).rejects.toThrow()
  })

  it("makes none where the store has no folder of its own", async () => {
    const { store } = snapshotStore()
    rmSync(join(store, ".cistern"), { recursive: true })
    await expect(snapshotsOf(store, store).create({ reason })).rejects.toMatchObject({ code: "missing" })
    expect(readdirSync(store)).toEqual([])
  })
})

describe("a path in a filesystem snapshot", () => {
  it("is refused where the directory was not there, was a link, or is elsewhere", async () => {
    const { store } = snapshotStore()
    const snapshots = snapshotsOf(store, store)
    folderIn(store, "kopia/app")
    symlinkSync("/etc", join(store, "link"))
    const made = await snapshots.create({ reason })
    folderIn(store, "later")
    const at = (path: string): string => pathIn(snapshots.place, made, path)
    expect(at(join(store, "kopia/app"))).toBe(join(String(made.path), "kopia/app"))
    expect(at(store)).toBe(made.path)
    expect(() => at(join(store, "later"))).toThrow("was not there")
    expect(() => at(join(store, "link"))).toThrow("was not there")
    expect(() => at(join(store, "link/ssh"))).toThrow("was not there")
    expect(() => at("/etc")).toThrow("is not in")
    expect(() => at(join(store, "../elsewhere"))).toThrow("is not in")
    expect(() => at("kopia")).toThrow("is not in")
  })
})
