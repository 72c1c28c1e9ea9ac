import { truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { scratch } from "../../support/fixtures.js"
import {
  directoryNode,
  fileNode,
  HostileRestic,
  type ToldBlob,
  treeOf,
} from "../../support/hostile-restic.js"
import { expectDamage, type Looked, looked, PASSWORD } from "./looked.js"

const TIMEOUT = { timeout: 180_000 }
const ZEROS = "0".repeat(64)

function repository(): HostileRestic {
  return new HostileRestic(join(scratch(), "restic"), PASSWORD)
}

/** A snapshot with one file of one blob; `told` says of both what an index is to say of them. */
async function withBlobs(told: (data: ToldBlob, tree: ToldBlob) => readonly unknown[]): Promise<Looked> {
  const hostile = repository()
  const plain = Buffer.from("what is in the file")
  const data = hostile.pack([{ type: "data", plain }])
  const [blob] = data.blobs
  const trees = hostile.pack([
    { type: "tree", plain: treeOf([fileNode("file", [blob?.id ?? ""], plain.length)]) },
  ])
  const [root] = trees.blobs
  if (blob === undefined || root === undefined) throw new Error("no blob")
  const [first, second] = told(blob, root)
  hostile.index([
    { id: data.id, blobs: [first] },
    { id: trees.id, blobs: [second] },
  ])
  hostile.snapshot(root.id)
  return looked(hostile.directory)
}

describe("an index of restic's", () => {
  it("that was not made up, with the same tools, is believed", TIMEOUT, async () => {
    const { answers } = await withBlobs((data, tree) => [data, tree])
    expect(answers).toMatchObject({
      reachable: "well",
      read: "well",
      archive: "whole",
      restore: "whole",
      impact: "lost",
    })
  })

  it.each([
    ["behind the end of the pack", { offset: 1_000_000 }],
    ["at the last offset that there is", { offset: 0xffff_ffff }],
    ["with the greatest length that there is", { length: 0xffff_ffff }],
    ["at both limits", { offset: 0xffff_ffff, length: 0xffff_ffff }],
  ])("that puts a file's blob %s names it truncated", TIMEOUT, async (_, told) => {
    expectDamage(await withBlobs((data, tree) => [{ ...data, ...told }, tree]), /damaged: truncated/)
  })

  it.each([
    ["no bytes", { length: 0 }],
    ["less than a seal", { length: 31 }],
    ["another blob's place", { offset: 7 }],
    ["four gigabytes of text", { uncompressed_length: 0xffff_ffff }],
  ])("that gives a file's blob %s is found by reading", TIMEOUT, async (_, told) => {
    expectDamage(await withBlobs((data, tree) => [{ ...data, ...told }, tree]), /damaged: .*corrupt/, true)
  })

  it.each(["-1", "1e400", "4294967296", "9007199254740993", "NaN"])(
    "that says %s for an offset is refused",
    TIMEOUT,
    async (number) => {
      const hostile = repository()
      const pack = hostile.pack([{ type: "tree", plain: treeOf([]) }])
      const [blob] = pack.blobs
      hostile.indexText(JSON.stringify({ packs: [pack] }).replace('"offset":0', `"offset":${number}`))
      hostile.snapshot(blob?.id ?? "")
      const { answers } = await looked(hostile.directory)
      for (const said of Object.values(answers)) expect(said).toBe("refused: corrupt")
    },
  )

  it(
    "that lays thousands of blobs over each other has none of them believed, and reads no more than the pack",
    TIMEOUT,
    async () => {
      const hostile = repository()
      const data = hostile.pack([{ type: "data", plain: Buffer.alloc(300_000, "one") }])
      const [blob] = data.blobs
      if (blob === undefined) throw new Error("no blob")
      const piled = Array.from({ length: 20_000 }, (_, at) => ({
        ...blob,
        id: at.toString(16).padStart(64, "0"),
      }))
      const tree = treeOf([
        fileNode(
          "pile",
          piled.map(({ id }) => id),
        ),
        fileNode("whole", [blob.id]),
      ])
      const trees = hostile.pack([{ type: "tree", plain: tree }])
      hostile.index([{ id: data.id, blobs: [blob, ...piled] }, trees])
      hostile.snapshot(trees.blobs[0]?.id ?? "")
      const result = await looked(hostile.directory)
      expectDamage(result, /damaged: .*corrupt/, true)
    },
  )

  it("that names a pack of five gigabytes of nothing has no memory taken for it", TIMEOUT, async () => {
    const hostile = repository()
    const data = hostile.pack([{ type: "data", plain: Buffer.from("once") }])
    const trees = hostile.pack([
      { type: "tree", plain: treeOf([fileNode("file", [ZEROS]), directoryNode("folder", ZEROS)]) },
    ])
    truncateSync(join(hostile.directory, data.file), 5_000_000_000)
    const huge = { id: ZEROS, offset: 0, length: 0xffff_ffff }
    hostile.index([
      {
        id: data.id,
        blobs: [
          { ...huge, type: "data" },
          { ...huge, type: "tree" },
        ],
      },
      trees,
    ])
    hostile.snapshot(trees.blobs[0]?.id ?? "")
    expectDamage(await looked(hostile.directory), /damaged: .*corrupt/)
  })
})
