import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  type FilesystemSnapshot,
  type FilesystemSnapshots,
  pathIn,
  quotaOf,
  rollBack,
  rollBackPlan,
  type RollBackStep,
  setQuota,
  settleRollBack,
  spaceAt,
  unfinishedRollBacks,
} from "../../../../storage/disk/index.js"
import { btrfs, enableQuotas, subvolume, writeUpTo } from "../../../support/btrfs.js"
import { scratch } from "../../../support/fixtures.js"
import { mountTmpfs } from "../../../support/mounts.js"
import { folderIn, snapshotsOf, snapshotStore } from "../../../support/snapshot-store.js"
import { listing, writeOddTree } from "../../../support/tree.js"

const MIB = 1024 * 1024

interface Site {
  readonly disk: string
  readonly store: string
  readonly directory: string
  readonly snapshots: FilesystemSnapshots
  readonly snapshot: FilesystemSnapshot
  /** The listings of the directory at the snapshot and afterwards. */
  readonly then: string
  readonly now: string
}

/** A directory with a filesystem snapshot of it, changed since. */
async function changed(
  name = "kopia/app",
  make: (store: string) => string = (store) => folderIn(store, name),
): Promise<Site> {
  const { disk, store } = snapshotStore()
  const directory = make(store)
  writeOddTree(directory)
  const then = listing(directory)
  const snapshots = snapshotsOf(directory, store)
  const snapshot = await snapshots.create({ reason: "before-prune" })
  rmSync(join(directory, "p"), { recursive: true })
  writeFileSync(join(directory, "kopia.repository"), "damaged")
  writeFileSync(join(directory, "new"), "new")
  return { disk, store, directory, snapshots, snapshot, then, now: listing(directory) }
}

const own = (store: string, folder: string): string[] => {
  const path = join(store, ".cistern", folder)
  return existsSync(path) ? readdirSync(path) : []
}

async function unchanged({ store, directory, now }: Site): Promise<void> {
  expect(listing(directory)).toBe(now)
  expect(own(store, "set-aside")).toEqual([])
  expect(own(store, "roll-backs")).toEqual([])
  expect(await unfinishedRollBacks(store)).toEqual([])
}

describe("rolling a directory back", () => {
  it("makes it what it was, to the last mode and time, and keeps what it is now", async () => {
    const site = await changed()
    const { store, directory, snapshots, snapshot, then, now } = site
    const steps: RollBackStep[] = []
    const onStep = (step: RollBackStep): void => {
      steps.push(step)
    }
    const { aside, size } = await rollBack(snapshots.place, snapshot, directory, { onStep })
    expect(listing(directory)).toBe(then)
    expect(listing(aside)).toBe(now)
    expect(aside.startsWith(join(store, ".cistern/set-aside/app-"))).toBe(true)
    expect(size).toEqual({ files: 7, folders: 5, bytes: 300_007 })
    expect(steps).toEqual(["begun", "copied", "compared", "set_aside", "in_place", "ended"])
    expect(own(store, "roll-backs")).toEqual([])
    expect(listing(pathIn(snapshots.place, snapshot, directory))).toBe(then)
    writeFileSync(join(directory, "p/00/pack"), "writable")
  })

  it("can be rolled back itself, as often as somebody likes", async () => {
    const { store, directory, snapshots, snapshot, then } = await changed()
    for (let times = 0; times < 3; times++) {
      await rollBack(snapshots.place, snapshot, directory, { now: new Date(0) })
      expect(listing(directory)).toBe(then)
    }
    expect(own(store, "set-aside")).toHaveLength(3)
  })

  it("shares blocks: a repository larger than the room that is left is rolled back", async () => {
    const { directory, snapshots } = await changed()
    const { written } = writeUpTo(join(directory, "large"), 40 * MIB)
    expect(spaceAt(directory).availableBytes).toBeLessThan(written)
    const snapshot = await snapshots.create({ reason: "large" })
    writeFileSync(join(directory, "marker"), "")
    await rollBack(snapshots.place, snapshot, directory)
    expect(statSync(join(directory, "large")).size).toBe(written)
    expect(existsSync(join(directory, "marker"))).toBe(false)
  })

  it("is planned with what is there and was there, and changes nothing by that", async () => {
    const site = await changed()
    const plan = await rollBackPlan(site.snapshots.place, site.snapshot, site.directory)
    expect(plan).toMatchObject({
      directory: site.directory,
      snapshot: site.snapshot.name,
      method: "copy",
      now: { files: 3, folders: 2 },
      then: { files: 7, folders: 5, bytes: 300_007 },
    })
    expect(plan.steps).toHaveLength(4)
    await unchanged(site)
  })

  it("works under hostile names", async () => {
    for (const name of ["-rf", "a b\n/-x", "$(touch x)/'\"", "x".repeat(255)]) {
      const { directory, snapshots, snapshot, then, now } = await changed(name)
      const { aside } = await rollBack(snapshots.place, snapshot, directory)
      expect(listing(directory)).toBe(then)
      expect(listing(aside)).toBe(now)
    }
  })

  it("of a subvolume gives a subvolume, from elsewhere in the store, with the quota of today", async () => {
    const site = await changed("", (store) => {
      enableQuotas(store)
      return subvolume(join(folderIn(store, "kopia"), "own"))
    })
    const { store, directory, snapshots, snapshot, then, now } = site
    await setQuota(directory, { bytes: 50 * MIB, files: "none" })
    expect((await rollBackPlan(snapshots.place, snapshot, directory)).method).toBe("subvolume")
    const { aside } = await rollBack(snapshots.place, snapshot, directory)
    expect(listing(directory)).toBe(then)
    expect(listing(aside)).toBe(now)
    for (const path of [directory, aside]) expect(statSync(path).ino).toBe(256)
    expect((await quotaOf(directory)).limitBytes).toBe(50 * MIB)
    expect((await quotaOf(aside)).limitBytes).toBe(50 * MIB)
    expect(btrfs("property", "get", "-ts", directory, "ro")).toBe("ro=false\n")
    expect(own(store, "roll-backs")).toEqual([])
    // What was a limit at the time of a snapshot is none now: lifted stays lifted.
    const second = await snapshotsOf(directory, store).create({ reason: "limited" })
    await setQuota(directory, { bytes: "none", files: "none" })
    await rollBack(snapshotsOf(directory, store).place, second, directory)
    expect((await quotaOf(directory)).limitBytes).toBe("none")
  })
})

describe("a roll back that cannot be", () => {
  it("is refused for what is not a repository in the store", async () => {
    const { store, snapshots, snapshot } = await changed()
    symlinkSync("kopia", join(store, "link"))
    for (const [path, code] of [
      [store, "unsupported"],
      [join(store, ".cistern"), "invalid"],
      [join(store, ".cistern/filesystem-snapshots"), "invalid"],
      ["/etc", "invalid"],
      ["kopia/app", "invalid"],
      [join(store, "link"), "missing"],
      [join(store, "link/app"), "missing"],
      [join(store, "never"), "missing"],
    ] as const) {
      await expect(rollBack(snapshots.place, snapshot, path), path).rejects.toMatchObject({ code })
    }
    expect(own(store, "set-aside")).toEqual([])
  })

  it("is refused where a subvolume or another filesystem lies in it, now or then", async () => {
    const first = await changed()
    subvolume(join(first.directory, "inner"))
    await expect(rollBack(first.snapshots.place, first.snapshot, first.directory)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("inner") as string,
    })
    const second = await changed()
    mountTmpfs(folderIn(second.directory, "mounted"))
    await expect(rollBack(second.snapshots.place, second.snapshot, second.directory)).rejects.toMatchObject({
      code: "unsupported",
    })
    const third = await changed()
    subvolume(join(third.directory, "inner"))
    const held = await third.snapshots.create({ reason: "with-inner" })
    btrfs("subvolume", "delete", join(third.directory, "inner"))
    await expect(rollBack(third.snapshots.place, held, third.directory)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("then") as string,
    })
  })

  it("is refused for a folder in a subvolume below the store, with the way that there is", async () => {
    const site = await changed("", (store) => folderIn(subvolume(join(store, "own")), "app"))
    await expect(rollBack(site.snapshots.place, site.snapshot, site.directory)).rejects.toMatchObject({
      code: "unsupported",
      hint: expect.stringContaining(join(site.store, "own")) as string,
    })
    await unchanged(site)
  })
})

describe("a roll back that fails", () => {
  it("for lack of room leaves everything as it was", async () => {
    const { disk, store } = snapshotStore()
    const directory = folderIn(store, "kopia")
    // Small files lie in the metadata, which a reflink cannot share.
    for (let file = 0; file < 6_000; file++)
      writeFileSync(join(directory, `f${file}`), Buffer.alloc(2_000, file))
    const snapshots = snapshotsOf(directory, store)
    const snapshot = await snapshots.create({ reason: "full" })
    writeFileSync(join(directory, "f0"), "changed")
    const now = listing(directory)
    enableQuotas(disk)
    await setQuota(store, { bytes: 20 * MIB, files: "none" })
    await expect(rollBack(snapshots.place, snapshot, directory)).rejects.toMatchObject({
      code: "io",
      message: expect.stringContaining("Disk quota exceeded") as string,
    })
    expect(listing(directory)).toBe(now)
    expect(own(store, "set-aside")).toEqual([])
    expect(own(store, "roll-backs")).toEqual([])
  })

  it("because it was stopped leaves everything as it was", async () => {
    for (const at of ["begun", "copied", "compared"] as const) {
      const site = await changed()
      const stop = new AbortController()
      const onStep = (step: RollBackStep): void => {
        if (step === at) stop.abort(new Error("enough"))
      }
      const options = { signal: stop.signal, onStep }
      const done = rollBack(site.snapshots.place, site.snapshot, site.directory, options)
      await expect(done, at).rejects.toThrow("enough")
      await unchanged(site)
    }
  })

  it("because the copy is not what the filesystem snapshot holds leaves everything as it was", async () => {
    type Spoil = (copy: string) => void
    const spoils: Record<string, Spoil> = {
      "a file is missing": (copy) => {
        rmSync(join(copy, "p/00/pack"))
      },
      "a file is too many": (copy) => {
        writeFileSync(join(copy, "zzz"), "")
      },
      "a file is cut": (copy) => {
        writeFileSync(join(copy, "kopia.repository"), "o")
      },
      "a mode differs": (copy) => {
        chmodSync(join(copy, "sealed"), 0o700)
      },
      "an owner differs": (copy) => {
        chownSync(join(copy, "sealed"), 568, 0)
      },
      "a time differs": (copy) => {
        utimesSync(join(copy, "sealed"), 1_300_000_000, 1_300_000_000)
      },
      "a link leads elsewhere": (copy) => {
        rmSync(join(copy, "outside"))
        symlinkSync("/etc/shadow", join(copy, "outside"))
      },
      "it is gone": (copy) => {
        rmSync(copy, { recursive: true })
      },
    }
    for (const [what, spoil] of Object.entries(spoils)) {
      const site = await changed()
      const onStep = (step: RollBackStep): void => {
        if (step !== "copied") return
        const [id = ""] = own(site.store, "roll-backs")
        spoil(join(site.store, ".cistern/roll-backs", id, "copy"))
      }
      await expect(
        rollBack(site.snapshots.place, site.snapshot, site.directory, { onStep }),
        what,
      ).rejects.toThrow()
      await unchanged(site)
    }
  })

  it("because the directory was exchanged for a link or another directory touches neither", async () => {
    for (const target of ["link", "directory"] as const) {
      const site = await changed()
      const victim = folderIn(scratch(), "victim")
      writeFileSync(join(victim, "file"), "victim")
      const onStep = (step: RollBackStep): void => {
        if (step !== "compared") return
        renameSync(site.directory, `${site.directory}-moved`)
        if (target === "link") symlinkSync(victim, site.directory)
        else mkdirSync(site.directory)
      }
      await expect(
        rollBack(site.snapshots.place, site.snapshot, site.directory, { onStep }),
      ).rejects.toMatchObject({ code: "unstable" })
      expect(listing(`${site.directory}-moved`)).toBe(site.now)
      expect(readFileSync(join(victim, "file"), "utf8")).toBe("victim")
      expect(own(site.store, "set-aside")).toEqual([])
      expect(own(site.store, "roll-backs")).toEqual([])
    }
  })

  it("because the folder above was exchanged for a link is carried out where the directory really is", async () => {
    const site = await changed()
    const victim = scratch()
    folderIn(victim, "app")
    const above = join(site.store, "kopia")
    const onStep = (step: RollBackStep): void => {
      if (step !== "compared") return
      renameSync(above, `${above}-moved`)
      symlinkSync(victim, above)
    }
    await rollBack(site.snapshots.place, site.snapshot, site.directory, { onStep })
    expect(listing(join(`${above}-moved`, "app"))).toBe(site.then)
    expect(readdirSync(join(victim, "app"))).toEqual([])
  })

  it("between the two renames moves the directory back", async () => {
    const site = await changed()
    const onStep = (step: RollBackStep): void => {
      if (step === "set_aside") throw new Error("in between")
    }
    const done = rollBack(site.snapshots.place, site.snapshot, site.directory, { onStep })
    await expect(done).rejects.toThrow("in between")
    await unchanged(site)
  })

  it("because a client made the directory anew in between says what is where, and is settled when that is gone", async () => {
    const site = await changed()
    const onStep = (step: RollBackStep): void => {
      if (step !== "set_aside") return
      mkdirSync(site.directory)
      writeFileSync(join(site.directory, "kopia.repository"), "empty and new")
    }
    await expect(
      rollBack(site.snapshots.place, site.snapshot, site.directory, { onStep }),
    ).rejects.toMatchObject({ code: "io", hint: expect.stringContaining("set-aside") as string })
    expect(readFileSync(join(site.directory, "kopia.repository"), "utf8")).toBe("empty and new")
    const [found] = await unfinishedRollBacks(site.store)
    expect(found).toMatchObject({ state: "unclear", directory: site.directory })
    expect(listing(String(found?.aside))).toBe(site.now)
    expect(listing(String(found?.copy))).toBe(site.then)
    await expect(settleRollBack(site.store, String(found?.id))).rejects.toMatchObject({ code: "invalid" })
    rmSync(site.directory, { recursive: true })
    expect((await unfinishedRollBacks(site.store))[0]?.state).toBe("between")
    await settleRollBack(site.store, String(found?.id))
    await unchanged(site)
  })
})
