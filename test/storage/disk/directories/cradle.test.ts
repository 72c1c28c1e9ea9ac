import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { Cradle, createDirectory, isInProject, planCradle } from "../../../../storage/disk/index.js"
import { storeAt } from "../../../support/directories.js"
import { scratch } from "../../../support/fixtures.js"
import { btrfsImage, ext4Image, mountImage, requireRoot, xfsImage } from "../../../support/mounts.js"

const owner = { uid: 568, gid: 568, mode: 0o700 }
const path = "restic/media/radarr"

function madeAside(store: ReturnType<typeof storeAt>, id = "0a"): Cradle {
  createDirectory({ store, path, owner })
  const cradle = Cradle.open({ store, path, kind: "aside" }, id)
  writeFileSync(join(cradle.directory.path, "config"), "ours")
  return cradle
}

function creating(store: { readonly path: string }): string[] {
  return readdirSync(join(store.path, ".cistern/creating"))
}

describe("how a repository is made", () => {
  it("is aside in an ordinary directory, and nothing is changed by asking", () => {
    const store = storeAt()
    expect(planCradle(store, path)).toMatchObject({ kind: "aside", found: undefined, at: store.path })
    expect(readdirSync(store.path)).toEqual([".cistern"])
    createDirectory({ store, path, owner })
    expect(planCradle(store, path)).toMatchObject({ kind: "aside", found: owner })
  })

  it.each([
    ["the store's own root", "", "", "the store itself"],
    ["what a NAS system marked", "own", "@eaDir", "@eaDir"],
  ])("is in its place for %s", (_what, place, inner, why) => {
    const store = storeAt()
    mkdirSync(join(store.path, place, inner), { recursive: true })
    const plan = planCradle(store, place)
    expect(plan.kind).toBe("in_place")
    expect(plan.why).toContain(why)
  })

  it("is in its place for a filesystem of its own, and for a btrfs subvolume, from which no rename leads", () => {
    requireRoot()
    const root = join(scratch(), "tank")
    mountImage(btrfsImage(), root)
    execFileSync("btrfs", ["subvolume", "create", join(root, "sub")], { stdio: "ignore" })
    mountImage(ext4Image(), join(root, "child"))
    const store = storeAt(root, [join(root, "child")])
    for (const place of ["sub", "sub/radarr", "child", "child/radarr"]) {
      const plan = planCradle(store, place)
      expect(plan.kind).toBe("in_place")
      expect(plan.why).toContain("another filesystem")
    }
    expect(planCradle(store, "plain").kind).toBe("aside")
  })

  it("refuses a link on the way, and a filesystem that nobody expected there", () => {
    const store = storeAt()
    symlinkSync(scratch(), join(store.path, "link"))
    expect(() => planCradle(store, "link/radarr")).toThrow(expect.objectContaining({ code: "corrupt" }))
    mountImage(ext4Image(), join(store.path, "child"))
    expect(() => planCradle(store, "child/radarr")).toThrow(expect.objectContaining({ code: "invalid" }))
  })

  it("looks for a project, whose quota would not count what comes from elsewhere", async () => {
    const root = join(scratch(), "tank")
    // ext4 has projects only where the kernel can limit them.
    mountImage(xfsImage(), root)
    mkdirSync(join(root, "limited"))
    expect(await isInProject(join(root, "limited"))).toBe(false)
    execFileSync("chattr", ["-p", "77", "+P", join(root, "limited")])
    expect(await isInProject(join(root, "limited"))).toBe(true)
  })
})

describe("a repository that was made aside", () => {
  it("comes to its place as a whole", () => {
    const store = storeAt()
    const cradle = madeAside(store)
    expect(readdirSync(join(store.path, path))).toEqual([])
    cradle.settle()
    cradle.close()
    expect(readdirSync(join(store.path, path))).toEqual(["config"])
    expect(creating(store)).toEqual([])
  })

  it.each(["config", ".nfs0001", "@eaDir"])("replaces nothing: not %s, that came meanwhile", (name) => {
    const store = storeAt()
    const cradle = madeAside(store)
    const place = join(store.path, path)
    writeFileSync(join(place, name), "theirs")
    const inode = statSync(place).ino
    expect(() => {
      cradle.settle()
    }).toThrow(expect.objectContaining({ code: "unstable" }))
    expect(cradle.discard()).toEqual([])
    cradle.close()
    expect(readdirSync(place)).toEqual([name])
    expect(statSync(place).ino).toBe(inode)
    expect(creating(store)).toEqual([])
  })

  it("goes where its place was, not where a link leads that was put there", () => {
    const store = storeAt()
    const cradle = madeAside(store)
    const elsewhere = scratch()
    execFileSync("rmdir", [join(store.path, path)])
    symlinkSync(elsewhere, join(store.path, path))
    expect(() => {
      cradle.settle()
    }).toThrow(expect.objectContaining({ name: "StorageError" }))
    cradle.discard()
    cradle.close()
    expect(readdirSync(elsewhere)).toEqual([])
  })

  it("is deleted without following what the engine's user put into it", () => {
    const store = storeAt()
    const cradle = madeAside(store)
    const elsewhere = scratch()
    writeFileSync(join(elsewhere, "kept"), "")
    symlinkSync(elsewhere, join(cradle.directory.path, "data"))
    cradle.discard()
    cradle.close()
    expect(creating(store)).toEqual([])
    expect(readdirSync(elsewhere)).toEqual(["kept"])
  })

  it("is swept when a killed daemon left it behind, but not while another one may be at it", () => {
    const store = storeAt()
    const left = madeAside(store, "left")
    left.close()
    const soon = Cradle.open({ store, path, kind: "aside" }, "next")
    expect(creating(store)).toEqual(["left", "next"])
    soon.discard()
    soon.close()
    // Times that somebody set say nothing.
    utimesSync(join(store.path, ".cistern/creating/left"), 0, 0)
    const hourLater = Cradle.open({ store, path, kind: "aside" }, "later", Date.now() + 3_700_000)
    expect(creating(store)).toEqual(["later"])
    hourLater.close()
  })

  it("is not begun where something is", () => {
    const store = storeAt()
    createDirectory({ store, path, owner })
    writeFileSync(join(store.path, path, "notes.txt"), "")
    for (const kind of ["aside", "in_place"] as const)
      expect(() => Cradle.open({ store, path, kind }, "0a")).toThrow(
        expect.objectContaining({ code: "unstable" }),
      )
    expect(existsSync(join(store.path, ".cistern/creating"))).toBe(false)
  })
})

describe("a repository that is made in its place", () => {
  it("is never deleted: what is left is named", () => {
    const store = storeAt()
    mkdirSync(join(store.path, "own/lost+found"), { recursive: true })
    const cradle = Cradle.open({ store, path: "own", kind: "in_place" }, "0a")
    writeFileSync(join(cradle.directory.path, "half"), "")
    expect(cradle.discard()).toEqual(["half"])
    cradle.close()
    expect(readdirSync(join(store.path, "own"))).toEqual(["half", "lost+found"])
  })
})
