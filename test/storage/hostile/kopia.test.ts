import { closeSync, ftruncateSync, openSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { scratch } from "../../support/fixtures.js"
import { directoryOf, entryOf, HostileKopia, type PlainContent } from "../../support/hostile-kopia.js"
import type { IndexedContent } from "../../support/kopia-encoding.js"
import { expectDamage, type Looked, looked, PASSWORD, SMALL } from "./looked.js"

const TIMEOUT = { timeout: 180_000 }
const PLAIN: PlainContent = { prefix: "", plain: Buffer.from("what is in the file") }

function repository(): HostileKopia {
  return new HostileKopia(join(scratch(), "kopia"), PASSWORD)
}

/** A snapshot of a directory with one file, whose content the index tells of as `told` has it. */
function withFile(told: Partial<IndexedContent>): Promise<Looked> {
  const hostile = repository()
  const directory = directoryOf([
    entryOf("file", "f", hostile.idOf(PLAIN), told.originalLength ?? PLAIN.plain.length),
  ])
  const [content] = hostile.pack("p", [PLAIN])
  if (content === undefined) throw new Error("no content")
  hostile.index([
    { ...content, ...told },
    ...hostile.pack("q", [directory, hostile.snapshot(hostile.idOf(directory))]),
  ])
  return looked(hostile.directory)
}

describe("an index of Kopia's", () => {
  it("that was not made up, with the same tools, is believed", TIMEOUT, async () => {
    const { answers } = await withFile({})
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
    ["at the last offset that there is", { offset: 0x7fff_ffff }],
    ["with the greatest length that there is", { packedLength: 0xfff_ffff }],
  ])("that puts a file's content %s names it truncated", TIMEOUT, async (_, told) => {
    expectDamage(await withFile(told), /damaged: truncated/)
  })

  it.each([
    ["no bytes", { packedLength: 0 }],
    ["less than a nonce and a tag", { packedLength: 27 }],
    ["another place", { offset: 31 }],
    ["a quarter of a gigabyte of text", { originalLength: 0xfff_ffff }],
  ])("that gives a file's content %s is found by reading", TIMEOUT, async (_, told) => {
    expectDamage(await withFile(told), /damaged: .*corrupt/, true)
  })

  it("that names gigabytes of nothing in a pack has no memory taken for it", TIMEOUT, async () => {
    const hostile = repository()
    const [content] = hostile.pack("p", [PLAIN])
    if (content === undefined) throw new Error("no content")
    grow(hostile.pathOf(content.pack), 2_000_000_000)
    const directory = directoryOf([entryOf("file", "f", hostile.idOf(PLAIN), 0xfff_ffff - 28)])
    const told = { packedLength: 0xfff_ffff, originalLength: 0xfff_ffff - 28 }
    hostile.index([
      { ...content, ...told },
      ...hostile.pack("q", [directory, hostile.snapshot(hostile.idOf(directory))]),
    ])
    expectDamage(await looked(hostile.directory), /damaged: .*corrupt/, true)
  })

  it("that says to have more entries, packs or formats than it has bytes is refused", TIMEOUT, async () => {
    const header = (fields: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.alloc(64)
      bytes.set([2, 17, 0, 16])
      fields(bytes)
      return bytes
    }
    for (const bytes of [
      header((at) => at.writeUInt32BE(0xffff_ffff, 4)),
      header((at) => at.writeUInt32BE(0xffff_ffff, 8)),
      header((at) => at.fill(0xff, 4, 17)),
    ]) {
      const hostile = repository()
      hostile.indexBytes(bytes)
      const { answers, peak } = await looked(hostile.directory)
      for (const said of Object.values(answers)) expect(said).toBe("refused: corrupt")
      expect(peak).toBeLessThan(SMALL)
    }
  })
})

function grow(file: string, length: number): void {
  const descriptor = openSync(file, "r+")
  ftruncateSync(descriptor, length)
  closeSync(descriptor)
}
