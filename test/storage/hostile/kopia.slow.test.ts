import { join } from "node:path"
import { deflateRawSync, gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { scratch } from "../../support/fixtures.js"
import { directoryOf, entryOf, HostileKopia, type PlainContent } from "../../support/hostile-kopia.js"
import { expectDamage, type Looked, looked, PASSWORD, SMALL } from "./looked.js"

const TIMEOUT = { timeout: 300_000 }
const PLAIN: PlainContent = { prefix: "", plain: Buffer.from("what is in the file") }

function repository(): HostileKopia {
  return new HostileKopia(join(scratch(), "kopia"), PASSWORD)
}

/** A snapshot of a directory and what else it needs. */
function withTree(
  make: (hostile: HostileKopia) => { readonly root: string; readonly contents: readonly PlainContent[] },
): Promise<Looked> {
  const hostile = repository()
  const { root, contents } = make(hostile)
  hostile.index(hostile.pack("q", [...contents, hostile.snapshot(root)]))
  return looked(hostile.directory)
}

describe("a content of Kopia's that is a bomb", () => {
  const zeros = Buffer.alloc(100_000_000)
  const bombs: readonly (readonly [string, number, () => Buffer])[] = [
    ["gzip", 0x1000, () => gzipSync(zeros)],
    ["deflate", 0x1500, () => deflateRawSync(zeros)],
    ["zstd", 0x1100, () => zstdRuns(100_000_000)],
    ["s2", 0x1200, () => s2Lengths(100_000_000)],
    ["lz4", 0x1400, () => lz4Runs()],
  ]
  it.each(bombs)(
    "of %s is refused, whatever its index says that it has",
    TIMEOUT,
    async (_, compression, bomb) => {
      const frame = Buffer.alloc(4)
      frame.writeUInt32BE(compression)
      const framed = Buffer.concat([frame, bomb()])
      for (const originalLength of [19, 0xfff_ffff]) {
        const hostile = repository()
        const directory = directoryOf([entryOf("file", "f", hostile.idOf(PLAIN), originalLength)])
        hostile.index([hostile.stored(PLAIN, framed, { originalLength })], compression)
        hostile.index(hostile.pack("q", [directory, hostile.snapshot(hostile.idOf(directory))]))
        expectDamage(await looked(hostile.directory), /damaged: .*corrupt/, true)
      }
    },
  )

  it("and a manifest is refused", TIMEOUT, async () => {
    const hostile = repository()
    const bomb = gzipSync(Buffer.alloc(600_000_000))
    hostile.index(hostile.pack("q", [{ prefix: "m", plain: bomb }]))
    const { answers, peak } = await looked(hostile.directory)
    for (const said of Object.values(answers)) expect(said).toMatch(/^refused/)
    expect(peak).toBeLessThan(1200)
  })
})

describe("a directory of Kopia's", () => {
  it.each(["", "..", "/etc/passwd", "a\0b"])(
    "with the name %j is damaged as a whole",
    TIMEOUT,
    async (name) => {
      const result = await withTree((hostile) => {
        const directory = directoryOf([
          entryOf("good", "f", hostile.idOf(PLAIN), 19),
          entryOf(name, "f", hostile.idOf(PLAIN), 19),
        ])
        return { root: hostile.idOf(directory), contents: [PLAIN, directory] }
      })
      expectDamage(result, /damaged: corrupt/)
    },
  )

  it("with objects that are no objects is damaged, and says which", TIMEOUT, async () => {
    for (const object of [
      "",
      "zz",
      "I",
      "IIIIIIIIIIIIIIII",
      `k${"0".repeat(31)}`,
      "../../etc/passwd",
      "Z".repeat(100_000),
    ]) {
      const result = await withTree((hostile) => {
        const directory = directoryOf([entryOf("odd", "f", object, 5)])
        return { root: hostile.idOf(directory), contents: [directory] }
      })
      expectDamage(result, /damaged: /)
    }
  })

  it("10,000 levels deep is walked to its end", TIMEOUT, async () => {
    const { answers, peak } = await withTree((hostile) => {
      const contents = [PLAIN, directoryOf([entryOf("bottom", "f", hostile.idOf(PLAIN), 19)])]
      for (let level = 1; level < 10_000; level++)
        contents.push(directoryOf([entryOf("level", "d", hostile.idOf(contents.at(-1) ?? PLAIN))]))
      return { root: hostile.idOf(contents.at(-1) ?? PLAIN), contents }
    })
    expect(answers).toMatchObject({ reachable: "well", read: "well", impact: "lost" })
    expect(answers).toMatchObject({ find: "10000 found, 0 problems", restore: "whole" })
    expect(peak).toBeLessThan(SMALL)
  })

  it(
    "whose parts are shared until it has more entries than there are atoms ends everywhere",
    TIMEOUT,
    async () => {
      const { answers, peak } = await withTree((hostile) => {
        const contents = [PLAIN, directoryOf([entryOf("bottom", "f", hostile.idOf(PLAIN), 19)])]
        for (let level = 0; level < 300; level++) {
          const below = hostile.idOf(contents.at(-1) ?? PLAIN)
          contents.push(directoryOf(["a", "b", "c"].map((name) => entryOf(name, "d", below))))
        }
        return { root: hostile.idOf(contents.at(-1) ?? PLAIN), contents }
      })
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
})

/** zstd of nothing but runs: four bytes for each 128 KiB. */
function zstdRuns(length: number): Buffer {
  const blocks = Math.ceil(length / (128 * 1024))
  const body = Buffer.alloc(blocks * 4)
  for (let block = 0; block < blocks; block++)
    body.writeUIntLE(128 * 1024 * 8 + 2 + (block === blocks - 1 ? 1 : 0), block * 4, 3)
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]), body])
}

/** S2 chunks that each say to hold 4 MiB, as much as one may. */
function s2Lengths(length: number): Buffer {
  const identifier = Buffer.concat([Buffer.from([0xff, 6, 0, 0]), Buffer.from("S2sTwO")])
  const chunk = Buffer.from([0x00, 8, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x02])
  return Buffer.concat([identifier, ...Array.from({ length: length / (4 * 1024 * 1024) }, () => chunk)])
}

/** One block: a byte, and copies of it, 255 for each byte. */
function lz4Runs(): Buffer {
  const block = Buffer.concat([
    Buffer.from([0x1f, 0x00, 0x01, 0x00]),
    Buffer.alloc(16_000, 0xff),
    Buffer.from([0x00]),
  ])
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(block.length)
  return Buffer.concat([
    head,
    ...Array.from({ length: 50 }, () => Buffer.concat([length, block])),
    Buffer.alloc(4),
  ])
}
