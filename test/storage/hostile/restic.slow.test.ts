import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { scratch } from "../../support/fixtures.js"
import { directoryNode, fileNode, HostileRestic, treeOf } from "../../support/hostile-restic.js"
import { sha256, zstdFrame } from "../../support/restic-encoding.js"
import { expectDamage, type Looked, looked, PASSWORD, SMALL } from "./looked.js"

const TIMEOUT = { timeout: 300_000 }

function repository(): HostileRestic {
  return new HostileRestic(join(scratch(), "restic"), PASSWORD)
}

/** A snapshot of one tree. */
function withTree(plain: Buffer, frame?: Buffer): Promise<Looked> {
  const hostile = repository()
  const pack = hostile.pack([{ type: "tree", plain, ...(frame === undefined ? {} : { frame }) }])
  hostile.index([pack])
  hostile.snapshot(pack.blobs[0]?.id ?? "")
  return looked(hostile.directory)
}

describe("a tree of restic's", () => {
  it.each(["", "..", "/etc/passwd", "a\\x00b"])(
    "with the name %j is damaged as a whole",
    TIMEOUT,
    async (name) => {
      expectDamage(await withTree(treeOf([fileNode("good", []), fileNode(name, [])])), /damaged: corrupt/)
    },
  )

  it("10,000 levels deep is walked to its end", TIMEOUT, async () => {
    const hostile = repository()
    const bottom = hostile.pack([{ type: "data", plain: Buffer.from("deep") }])
    const plains = [treeOf([fileNode("bottom", [bottom.blobs[0]?.id ?? ""], 4)])]
    const packs = [bottom]
    let below = ""
    for (let level = 0; level < 10_000; level += 500) {
      plains.length = level === 0 ? 1 : 0
      for (let step = 0; step < 500; step++) {
        const plain = level + step === 0 ? plains[0] : treeOf([directoryNode("level", below)])
        if (plain === undefined) throw new Error("no tree")
        if (step > 0 || level > 0) plains.push(plain)
        below = idOf(plain)
      }
      packs.push(hostile.pack(plains.map((plain) => ({ type: "tree" as const, plain }))))
    }
    hostile.index(packs)
    hostile.snapshot(below)
    const { answers, peak } = await looked(hostile.directory)
    expect(answers).toMatchObject({ reachable: "well", read: "well", impact: "lost" })
    expect(answers).toMatchObject({ find: "10000 found, 0 problems", restore: "whole" })
    expect(peak).toBeLessThan(SMALL)
  })

  it(
    "whose parts are shared until it has more entries than there are atoms ends everywhere",
    TIMEOUT,
    async () => {
      const hostile = repository()
      const bottom = hostile.pack([{ type: "data", plain: Buffer.from("deep") }])
      const plains = [treeOf([fileNode("bottom", [bottom.blobs[0]?.id ?? ""], 4)])]
      for (let level = 0; level < 300; level++) {
        const below = idOf(plains.at(-1) ?? Buffer.alloc(0))
        plains.push(treeOf(["a", "b", "c"].map((name) => directoryNode(name, below))))
      }
      const pack = hostile.pack(plains.map((plain) => ({ type: "tree" as const, plain })))
      hostile.index([bottom, pack])
      hostile.snapshot(idOf(plains.at(-1) ?? Buffer.alloc(0)))
      const { answers, peak } = await looked(hostile.directory)
      expect(answers).toMatchObject({
        reachable: "well",
        read: "well",
        impact: "lost",
        find: "refused: unsupported",
      })
      expect(answers).toMatchObject({ diff: "refused: unsupported" })
      expect(answers["restore"]).toMatch(/^stopped/)
      expect(peak).toBeLessThan(SMALL)
    },
  )

  it("with a file of a hundred thousand times the same blob ends where the disk does", TIMEOUT, async () => {
    const hostile = repository()
    const data = hostile.pack([{ type: "data", plain: Buffer.alloc(1_000_000, "x") }])
    const content = Array.from({ length: 100_000 }, () => data.blobs[0]?.id ?? "")
    const trees = hostile.pack([
      { type: "tree", plain: treeOf([fileNode("endless", content, 100_000_000_000)]) },
    ])
    hostile.index([data, trees])
    hostile.snapshot(trees.blobs[0]?.id ?? "")
    const { answers, peak } = await looked(hostile.directory)
    expect(answers).toMatchObject({ reachable: "well", read: "well" })
    expect(answers).toMatchObject({ archive: "more than anybody takes", restore: "stopped: no_space" })
    expect(peak).toBeLessThan(SMALL)
  })

  it(
    "that is a bomb of zeros, more or less than its index says, is refused without the memory for it",
    TIMEOUT,
    async () => {
      for (const said of [1000, 600_000_000]) {
        const hostile = repository()
        const pack = hostile.pack([
          { type: "tree", plain: Buffer.alloc(10), frame: runs(2 * 1024 * 1024 * 1024) },
        ])
        const [blob] = pack.blobs
        hostile.index([{ id: pack.id, blobs: [{ ...blob, uncompressed_length: said }] }])
        hostile.snapshot(blob?.id ?? "")
        expectDamage(await looked(hostile.directory), /damaged: .*corrupt/)
      }
    },
  )

  it.each([["lists", "[]"]])(
    "of megabytes of %s is refused before it becomes gigabytes",
    TIMEOUT,
    async (_, value) => {
      const plain = Buffer.from(`{"nodes":[${`${value},`.repeat(45_000_000 / (value.length + 1))}${value}]}`)
      const { answers, peak } = await withTree(plain, zstdFrame(plain))
      for (const what of ["reachable", "read"])
        expect(answers[what]).toMatch(/damaged: (?:corrupt|unsupported)/)
      expect(answers["restore"]).not.toBe("whole")
      expect(peak).toBeLessThan(1000)
    },
  )
})

/** zstd of nothing but runs: four bytes for each 128 KiB. */
function runs(length: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])
  const blocks = length / (128 * 1024)
  const body = Buffer.alloc(blocks * 4)
  for (let block = 0; block < blocks; block++)
    body.writeUIntLE(128 * 1024 * 8 + 2 + (block === blocks - 1 ? 1 : 0), block * 4, 3)
  return Buffer.concat([header, body])
}

function idOf(plain: Buffer): string {
  return sha256(plain).toString("hex")
}
