import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { createFile, removeFile, replaceFile, sweepTemporaries } from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { mountTmpfs } from "../../support/mounts.js"

describe("creating a file", () => {
  it("puts the whole content there, for the owner only", () => {
    const path = join(scratch(), "a")
    createFile(path, "content")
    expect(readFileSync(path, "utf8")).toBe("content")
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it("gives the mode that was asked for, whatever the umask", () => {
    const path = join(scratch(), "a")
    const before = process.umask(0o077)
    try {
      createFile(path, "content", { mode: 0o644 })
    } finally {
      process.umask(before)
    }
    expect(statSync(path).mode & 0o777).toBe(0o644)
  })

  it("never touches a file that is there, and leaves no temporary one", () => {
    const directory = scratch()
    const path = join(directory, "a")
    createFile(path, "first")
    expect(() => {
      createFile(path, "second")
    }).toThrow(expect.objectContaining({ code: "EEXIST" }))
    expect(readFileSync(path, "utf8")).toBe("first")
    expect(readdirSync(directory)).toEqual(["a"])
  })
})

describe("replacing a file", () => {
  it("makes it or replaces it", () => {
    const path = join(scratch(), "a")
    replaceFile(path, "first")
    replaceFile(path, new Uint8Array([1, 2, 3]))
    expect([...readFileSync(path)]).toEqual([1, 2, 3])
  })

  it("keeps the old content whole when the disk is full, and leaves no temporary file", () => {
    const directory = join(scratch(), "small")
    mountTmpfs(directory, "64k")
    const path = join(directory, "a")
    replaceFile(path, "old")
    expect(() => {
      replaceFile(path, Buffer.alloc(1 << 20))
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }))
    expect(readFileSync(path, "utf8")).toBe("old")
    expect(readdirSync(directory)).toEqual(["a"])
  })
})

describe("removing a file", () => {
  it("succeeds also where nothing is", () => {
    const path = join(scratch(), "a")
    createFile(path, "x")
    removeFile(path)
    removeFile(path)
    expect(readdirSync(join(path, ".."))).toEqual([])
  })
})

describe("sweeping", () => {
  it("removes what an interrupted write left, and nothing that only looks like it", () => {
    const directory = scratch()
    const ours = ".store.json.0a1b2c3d-0000-4000-8000-000000000000.tmp"
    const others = [
      ".store.json.tmp",
      "x.tmp",
      ".hidden",
      "store.json",
      ".a.0a1b2c3d-0000-4000-8000-000000000000",
    ]
    for (const name of [ours, ...others]) writeFileSync(join(directory, name), "")
    expect(sweepTemporaries(directory)).toEqual([ours])
    expect(readdirSync(directory).sort()).toEqual([...others].sort())
  })

  it("does not go into folders", () => {
    const directory = scratch()
    mkdirSync(join(directory, "inner"))
    const inner = join(directory, "inner", ".a.0a1b2c3d-0000-4000-8000-000000000000.tmp")
    writeFileSync(inner, "")
    expect(sweepTemporaries(directory)).toEqual([])
    expect(statSync(inner).isFile()).toBe(true)
  })
})
