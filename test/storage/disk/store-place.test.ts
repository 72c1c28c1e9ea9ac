import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { makeStorePlace, missingForStore, mountPointsIn, removeMade } from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { ext4Image, mountImage } from "../../support/mounts.js"

let root: string
let fstab: string

beforeEach(() => {
  root = scratch()
  fstab = join(root, "fstab")
  writeFileSync(fstab, "")
})

const asked = (path: string, allowRoot = true) => ({ path, allowRoot, fstab })

describe("the directory of a new store", () => {
  it("is made with all that is missing around it, and taken back", () => {
    const path = join(root, "a/b")
    expect(missingForStore(asked(path))).toEqual([join(root, "a"), path])
    expect(existsSync(join(root, "a"))).toBe(false)
    const made = makeStorePlace(asked(path))
    expect(made).toEqual([join(root, "a"), path])
    expect(statSync(path).mode & 0o7777).toBe(0o755)
    expect(makeStorePlace(asked(path))).toEqual([])
    writeFileSync(join(root, "a/kept"), "")
    removeMade(made)
    expect(readdirSync(join(root, "a"))).toEqual(["kept"])
  })

  it("is never made under a mount point that nothing is mounted on", () => {
    mkdirSync(join(root, "disk"))
    writeFileSync(fstab, `UUID=1 ${root}/disk ext4 defaults 0 2\n`)
    for (const path of ["disk", "disk/a", "disk/a/b"]) {
      expect(() => makeStorePlace(asked(join(root, path)))).toThrow(`nothing is mounted at ${root}/disk`)
    }
    symlinkSync(join(root, "disk"), join(root, "link"))
    expect(() => makeStorePlace(asked(join(root, "link/a")))).toThrow("nothing is mounted at")
    expect(readdirSync(join(root, "disk"))).toEqual([])
    expect(makeStorePlace(asked(join(root, "disk2")))).toHaveLength(1)
  })

  it("is made once the filesystem is mounted there", () => {
    const disk = join(root, "disk")
    writeFileSync(fstab, `# the disk\nUUID=1\t${disk}/\text4 noauto\n`)
    mountImage(ext4Image(), disk)
    expect(makeStorePlace(asked(join(disk, "a"), false))).toEqual([join(disk, "a")])
  })

  it("is not made beside a file, nor below one", () => {
    writeFileSync(join(root, "file"), "")
    expect(() => makeStorePlace(asked(join(root, "file")))).toThrow("is no directory")
    expect(() => makeStorePlace(asked(join(root, "file/a")))).toThrow("cannot be looked at (ENOTDIR)")
  })

  it("is known from fstab, however it is written there", () => {
    const table = [
      "# /dev/sda1 /commented ext4",
      "  /dev/sda2   /indented ext4",
      "/dev/sda3 none swap sw",
      String.raw`/dev/sda4 /with\040blank ext4`,
      "/dev/sda5 / ext4",
      "nas:/x\t/tabs/\tnfs",
      "broken",
      "",
    ].join("\n")
    expect(mountPointsIn(table)).toEqual(["/indented", "/with blank", "/", "/tabs"])
  })
})
