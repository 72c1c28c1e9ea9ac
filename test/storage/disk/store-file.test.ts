import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  keepStoreFile,
  readStoreFile,
  replaceKeeping,
  setStoreFileAside,
} from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { ext4Image, mountImage, mountTmpfs, unmount } from "../../support/mounts.js"

function storeAt(store = scratch()): { store: string; own: (name: string) => string } {
  mkdirSync(join(store, ".cistern"))
  return { store, own: (name) => join(store, ".cistern", name) }
}

const names = ["a", "a.previous"] as const
const bytes = (text: string): Uint8Array => Buffer.from(text)

describe("a file of ours in a store", () => {
  it("is read as it was kept, for its owner only, and the one before stays", () => {
    const { store, own } = storeAt()
    expect(readStoreFile(store, "a", 10)).toBeUndefined()
    for (const text of ["first", "second", "third"]) keepStoreFile(store, ...names, bytes(text))
    expect(String(readStoreFile(store, "a", 10))).toBe("third")
    expect(String(readStoreFile(store, "a.previous", 10))).toBe("second")
    expect(statSync(own("a")).mode & 0o777).toBe(0o600)
    expect(readdirSync(own(""))).toEqual(["a", "a.previous"])
  })

  it("is read up to its limit and refused above it, however large it says that it is", () => {
    const { store, own } = storeAt()
    writeFileSync(own("a"), "0123456789")
    expect(readStoreFile(store, "a", 10)).toHaveLength(10)
    expect(() => readStoreFile(store, "a", 9)).toThrow(expect.objectContaining({ code: "corrupt" }))
  })

  it("is refused when it is a link, a folder or a pipe", () => {
    const { store, own } = storeAt()
    writeFileSync(join(store, "elsewhere"), "x")
    symlinkSync(join(store, "elsewhere"), own("link"))
    symlinkSync(join(store, "nowhere"), own("broken"))
    mkdirSync(own("folder"))
    execFileSync("mkfifo", [own("pipe")])
    for (const name of ["link", "broken", "folder", "pipe"]) {
      expect(() => readStoreFile(store, name, 10), name).toThrow(expect.objectContaining({ code: "corrupt" }))
    }
  })

  it("is put into no folder that is not there, nor one that is only a link", () => {
    const bare = scratch()
    expect(() => {
      keepStoreFile(bare, ...names, bytes("x"))
    }).toThrow(expect.objectContaining({ code: "missing" }))
    expect(readdirSync(bare)).toEqual([])
    const away = scratch()
    symlinkSync(away, join(bare, ".cistern"))
    expect(() => {
      keepStoreFile(bare, ...names, bytes("x"))
    }).toThrow(expect.objectContaining({ code: "missing" }))
    expect(readdirSync(away)).toEqual([])
  })

  it("stays what it was when the disk is full, and that is said", () => {
    const disk = join(scratch(), "small")
    mountTmpfs(disk, "64k")
    const { store, own } = storeAt(disk)
    keepStoreFile(store, ...names, bytes("old"))
    expect(() => {
      keepStoreFile(store, ...names, Buffer.alloc(1 << 20))
    }).toThrow(expect.objectContaining({ code: "io", message: `${own("a")} cannot be written (ENOSPC)` }))
    expect(readdirSync(own(""))).toEqual(["a"])
    expect(String(readStoreFile(store, "a", 10))).toBe("old")
  })

  it("is not written on a filesystem that is mounted read-only, nor moved aside", () => {
    const disk = join(scratch(), "disk")
    const image = ext4Image()
    mountImage(image, disk)
    const { store } = storeAt(disk)
    keepStoreFile(store, ...names, bytes("old"))
    unmount(disk)
    mountImage(image, disk, "ro")
    expect(() => {
      keepStoreFile(store, ...names, bytes("new"))
    }).toThrow(expect.objectContaining({ code: "unreadable" }))
    expect(setStoreFileAside(store, "a", "aside")).toBe(false)
    expect(String(readStoreFile(store, "a", 10))).toBe("old")
  })

  it("is moved aside out of the way, whatever it is", () => {
    const { store, own } = storeAt()
    writeFileSync(own("a"), "x")
    expect(setStoreFileAside(store, "a", "aside")).toBe(true)
    mkdirSync(own("a"))
    expect(setStoreFileAside(store, "a", "aside")).toBe(false)
    symlinkSync("/etc/passwd", own("b"))
    expect(setStoreFileAside(store, "b", "aside")).toBe(true)
    expect(readdirSync(own("")).sort()).toEqual(["a", "aside"])
  })
})

describe("replacing a file and keeping the one before", () => {
  it("leaves both as they were when the new one cannot be written", () => {
    const directory = join(scratch(), "small")
    mountTmpfs(directory, "64k")
    const [path, previous] = [join(directory, "a"), join(directory, "b")] as const
    replaceKeeping(path, previous, "first")
    replaceKeeping(path, previous, "second")
    expect(() => {
      replaceKeeping(path, previous, Buffer.alloc(1 << 20))
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }))
    expect([readFileSync(path, "utf8"), readFileSync(previous, "utf8")]).toEqual(["second", "first"])
    expect(readdirSync(directory)).toEqual(["a", "b"])
  })
})
