import { randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { scratch } from "../../support/fixtures.js"

/** A tree whose calls into the filesystem are counted. */
function counted(directory: string): { tree: DirectoryTree; calls: () => number } {
  let calls = 0
  const tree = new DirectoryTree(directory, (call) => {
    calls++
    return call()
  })
  return { tree, calls: () => calls }
}

describe("a directory tree shows each single call into the filesystem", () => {
  it("to whoever watches, so that a large file is many of them", async () => {
    const directory = scratch()
    const bytes = randomBytes(5 * 1024 * 1024 + 7)
    writeFileSync(join(directory, "large"), bytes)
    const { tree, calls } = counted(directory)
    expect(bytes.equals(await tree.read("large", bytes.length))).toBe(true)
    // Opened, looked at, read six times, closed.
    expect(calls()).toBe(9)
    const middle = await tree.readRange("large", 1_000_000, 3_000_000)
    expect(bytes.subarray(1_000_000, 4_000_000).equals(middle)).toBe(true)
  })

  it("and a folder is one for its names and one for each entry", async () => {
    const directory = scratch()
    for (let n = 0; n < 20; n++) writeFileSync(join(directory, `${n}`), "")
    mkdirSync(join(directory, "folder"))
    const { tree, calls } = counted(directory)
    expect((await tree.list("")).entries).toHaveLength(21)
    expect(calls()).toBe(22)
  })

  it("also when it fails", async () => {
    const { tree, calls } = counted(scratch())
    await expect(tree.read("missing", 1)).rejects.toMatchObject({ code: "missing" })
    expect(calls()).toBe(1)
  })
})
