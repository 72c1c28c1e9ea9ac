import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readdirSync, renameSync, statfsSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { Pinned } from "../../../storage/disk/directories/pinned.js"
import { type RestoreOptions, type RestoreResult, restore } from "../../../storage/restore/index.js"
import { canary, swapping } from "../../support/directories.js"
import { scratch } from "../../support/fixtures.js"
import { type Invented, InventedContents } from "../../support/invented-contents.js"
import { ext4Image, mountImage, mountTmpfs } from "../../support/mounts.js"

async function restored(
  entries: readonly Invented[] | (() => readonly Invented[]),
  options: RestoreOptions = {},
  target = join(scratch(), "target"),
): Promise<{ readonly target: string; readonly result: RestoreResult }> {
  const contents = new InventedContents()
  const result = await restore(contents, contents.entry({ entries }), target, { unsynced: true, ...options })
  return { target, result }
}

const paths = ({ failed }: RestoreResult) =>
  failed.map(({ path, code }) => `${code} ${Buffer.from(path).toString("utf8")}`)
const bytes = (length: number, of = 1) => Buffer.alloc(length, of)
const openFiles = () => readdirSync("/proc/self/fd").length

const deep: string[] = []
afterEach(() => {
  // Node's own way of removing knows no path that is longer than the kernel takes.
  for (const target of deep.splice(0)) execFileSync("rm", ["-rf", target])
})

describe("a tree that nobody would have", () => {
  it("may be ten thousand levels deep: each has its own mode and time, and few are open at once", async () => {
    const levels = 10_000
    const target = join(scratch(), "target")
    deep.push(target)
    let most = 0
    const before = openFiles()
    let level = 0
    const next = (): readonly Invented[] => {
      most = Math.max(most, level % 100 === 0 ? openFiles() : 0)
      level++
      if (level > levels) return [{ name: "bottom", bytes: bytes(3) }]
      return [{ name: "level", entries: next, mode: 0o750, modified: BigInt(level) * 1_000_000_001n }]
    }
    const { result } = await restored(next, {}, target)
    expect(result).toMatchObject({ failed: [], lost: [], stopped: undefined, files: 1, directories: levels })
    expect(most - before).toBeLessThan(100)
    expect(openFiles()).toBe(before)
    let at = Pinned.directoryAt(target)
    for (let depth = 1; depth <= levels; depth++) {
      const below = at.child("level")
      at.close()
      if (below === undefined) throw new Error(`nothing is at ${depth}`)
      at = below
      const { mtimeNs, mode } = lstatSync(`${at.self}/.`, { bigint: true })
      if (mtimeNs !== BigInt(depth) * 1_000_000_001n || (mode & 0o777n) !== 0o750n)
        throw new Error(`level ${depth} has ${mtimeNs} and ${mode.toString(8)}`)
    }
    expect(at.names()).toEqual(["bottom"])
    at.close()
  })

  it("is cut where it lies too deep, and told, without a path of megabytes", async () => {
    const name = "n".repeat(200)
    const next = (): readonly Invented[] => [{ name, entries: next }]
    const { target, result } = await restored(next, { limits: { depth: 300 } })
    deep.push(target)
    expect(result).toMatchObject({ directories: 300, failedCount: 1 })
    expect(result.failed[0]).toMatchObject({ code: "too_deep" })
    expect(result.failed[0]?.path).toHaveLength(4096)
  })

  it("ends when it has more entries or bytes than are allowed", async () => {
    const endless = (): readonly Invented[] => [
      { name: "a", entries: endless },
      { name: "b", entries: endless },
      { name: "f", bytes: bytes(10) },
    ]
    const entries = await restored(endless, { limits: { entries: 200, depth: 20 } })
    expect(entries.result.stopped).toMatchObject({ code: "no_space" })
    expect(entries.result.files + entries.result.directories).toBeLessThanOrEqual(200)
    async function* bomb(): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(bytes(1_000_000, 0))
    }
    const bombs = await restored([{ name: "bomb", bytes: bomb }], { limits: { bytes: 20_000_000 } })
    expect(bombs.result.stopped).toMatchObject({ code: "no_space" })
    expect(readdirSync(bombs.target)).toEqual([])
  })

  it("keeps of a hundred thousand failures the first thousand, and their number", async () => {
    const many = Array.from({ length: 20_000 }, (_, at): Invented => ({ name: `${at}`, kind: "unknown" }))
    const { result } = await restored(many)
    expect(result.failedCount).toBe(20_000)
    expect(result.failed).toHaveLength(1000)
  })
})

describe("a name that is there already", () => {
  const outside = canary(["file"])
  it.each<readonly [string, Invented, Invented]>([
    [
      "a link named like a directory",
      { name: "x", kind: "symlink", target: Buffer.from(outside.path) },
      { name: "x", entries: [{ name: "file", bytes: bytes(3) }] },
    ],
    [
      "a link named like a file",
      { name: "x", kind: "symlink", target: Buffer.from(join(outside.path, "file")) },
      { name: "x", bytes: bytes(3) },
    ],
    ["a file twice", { name: "x", bytes: bytes(5) }, { name: "x", bytes: bytes(3) }],
    ["a fifo named like a file", { name: "x", kind: "fifo" }, { name: "x", bytes: bytes(3) }],
    [
      "a directory twice",
      { name: "x", entries: [{ name: "one", bytes: bytes(1) }] },
      { name: "x", entries: [{ name: "two", bytes: bytes(1) }] },
    ],
    [
      "a hard link to a link",
      { name: "x", kind: "symlink", target: Buffer.from(outside.path) },
      { name: "x", bytes: bytes(3), sameFile: "s" },
    ],
  ])("is neither followed nor replaced: %s", async (_what, first, second) => {
    const before = outside.state()
    const { target, result } = await restored([first, second])
    expect(paths(result)).toEqual(["exists x"])
    const stats = lstatSync(join(target, "x"))
    // Of what is no directory several are made at once, and either may be first.
    const isFirst = stats.isFile() ? first.bytes !== undefined && stats.size === 5 : true
    if (first.entries !== undefined || second.entries !== undefined)
      expect(stats.isDirectory()).toBe(first.entries !== undefined)
    if (stats.isDirectory()) expect(readdirSync(join(target, "x"))).toEqual(["one"])
    if (stats.isFile()) expect(stats.size).toBe(isFirst ? 5 : 3)
    expect(outside.state()).toBe(before)
  })
})

describe("a directory that somebody swaps with a link while it is filled", () => {
  it("has everything written into itself, or ends the restore; nothing is written to where the link leads", async () => {
    const outside = canary()
    const before = outside.state()
    for (let round = 0; round < 12; round++) {
      const target = join(scratch(), "target")
      mkdirSync(target)
      const swapper = await swapping(join(target, "victim"), outside.path)
      const files = Array.from({ length: 300 }, (_, at): Invented => ({
        name: `file-${at}`,
        bytes: bytes(100),
      }))
      const inner = [{ name: "inner", entries: files, uid: 77, gid: 77 }, ...files]
      const link: Invented = { name: "link", kind: "symlink", target: Buffer.from("x"), uid: 77, gid: 77 }
      try {
        const contents = new InventedContents()
        const entry = contents.entry({
          entries: [{ name: "victim", entries: [link, ...inner], uid: 77, gid: 77 }],
        })
        const result = await restore(contents, entry, target, { unsynced: true }).catch(
          (error: unknown) => error,
        )
        // Sometimes the target was not empty: the swapper was first.
        expect(result).toBeDefined()
      } finally {
        expect(await swapper.stop()).toBeGreaterThan(0)
      }
      expect(outside.state()).toBe(before)
    }
  })

  it("ends the restore when it is another one on the way up", async () => {
    const target = join(scratch(), "target")
    const aside = join(scratch(), "aside")
    const down = (level: number): readonly Invented[] => {
      if (level < 150) return [{ name: `${level}`, entries: () => down(level + 1) }]
      // Its own parent is let go long ago: somebody moves what is open elsewhere.
      const path = join(target, ...Array.from({ length: 20 }, (_, at) => `${at}`))
      renameSync(join(path, "20"), aside)
      mkdirSync(join(path, "20"))
      return []
    }
    const { result } = await restored(() => down(0), {}, target)
    expect(result.stopped).toMatchObject({ code: "unstable" })
    expect(openFiles()).toBeLessThan(200)
  })
})

describe("a disk that fills", () => {
  it("ends the restore with no_space, and leaves no half file", async () => {
    const place = join(scratch(), "disk")
    mountImage(ext4Image(8), place)
    const target = join(place, "target")
    const files = Array.from({ length: 40 }, (_, at): Invented => ({
      name: `file-${at}`,
      bytes: bytes(500_000),
    }))
    const { result } = await restored([{ name: "folder", entries: files }], {}, target)
    expect(result.stopped).toMatchObject({ code: "no_space" })
    expect(result.stopped?.hint).toContain("Make room")
    expect(result.files).toBeGreaterThan(3)
    const left = readdirSync(join(target, "folder"))
    expect(left).toHaveLength(result.files)
    for (const name of left) expect(lstatSync(join(target, "folder", name)).size).toBe(500_000)
    expect(statfsSync(place).bavail * 4096).toBeLessThan(4 * 500_000)
  })

  it("shows when it has no room for names either", async () => {
    const place = join(scratch(), "disk")
    mountTmpfs(place, "64k")
    const many = Array.from({ length: 5000 }, (_, at): Invented => ({
      name: `${at}`,
      entries: [{ name: "x", bytes: bytes(10_000) }],
    }))
    const { result } = await restored(many, {}, join(place, "target"))
    expect(result.stopped).toMatchObject({ code: "no_space" })
  })
})
