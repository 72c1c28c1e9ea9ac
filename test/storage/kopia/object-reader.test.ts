import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ObjectReader } from "../../../storage/kopia/object-reader.js"
import { parseObjectId } from "../../../storage/kopia/object-id.js"
import { failure } from "./open.js"

/** Contents by id, as if they lay in packs. */
function reader(contents: Readonly<Record<string, string | Uint8Array>>): {
  objects: ObjectReader
  read: string[]
} {
  const read: string[] = []
  const objects = new ObjectReader({
    read: (id) => {
      read.push(id)
      const content = contents[id]
      if (content === undefined) throw new Error(`no content ${id}`)
      return Promise.resolve(Buffer.from(content))
    },
  })
  return { objects, read }
}

async function text(objects: ObjectReader, id: string, range?: { offset: number; length: number }) {
  const pieces: Uint8Array[] = []
  for await (const piece of objects.read(id, range)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

function indexOf(
  ...sections: readonly (readonly [start: number, length: number, objectId: string])[]
): string {
  const entries = sections.map(([s, l, o]) => (s === 0 ? { l, o } : { s, l, o }))
  return JSON.stringify({ stream: "kopia:indirect", entries })
}

const twoLevels = {
  aa: "0123456789",
  bb: "abcdef",
  cc: "XYZ",
  x11: indexOf([0, 10, "aa"], [10, 6, "bb"]),
  x22: indexOf([0, 16, "Ix11"], [16, 3, "cc"]),
}

describe("an object", () => {
  it("is one content, or what an index of contents lists, at any level", async () => {
    const { objects } = reader(twoLevels)
    expect(await text(objects, "aa")).toBe("0123456789")
    expect(await text(objects, "Daa")).toBe("0123456789")
    expect(await text(objects, "Ix11")).toBe("0123456789abcdef")
    expect(await text(objects, "Ix22")).toBe("0123456789abcdefXYZ")
  })

  it("may have an index that needs an index itself", async () => {
    const index = indexOf([0, 10, "aa"], [10, 6, "bb"])
    const half = Math.floor(index.length / 2)
    const { objects } = reader({
      ...twoLevels,
      ee: index.slice(0, half),
      ff: index.slice(half),
      x33: indexOf([0, half, "ee"], [half, index.length - half, "ff"]),
    })
    expect(await text(objects, "IIx33")).toBe("0123456789abcdef")
  })

  it("gives every range as it gives the whole", async () => {
    const { objects } = reader(twoLevels)
    const whole = await text(objects, "Ix22")
    await fc.assert(
      fc.asyncProperty(fc.nat(25), fc.nat(25), async (offset, length) => {
        expect(await text(objects, "Ix22", { offset, length })).toBe(whole.slice(offset, offset + length))
      }),
    )
  })

  it("has only those contents read that a range touches", async () => {
    const { objects, read } = reader(twoLevels)
    expect(await text(objects, "Ix22", { offset: 12, length: 2 })).toBe("cd")
    expect(read).toEqual(["x22", "x11", "bb"])
  })

  it.each([
    ["a gap", indexOf([0, 10, "aa"], [11, 6, "bb"])],
    ["an overlap", indexOf([0, 10, "aa"], [9, 6, "bb"])],
    ["a section that is shorter than said", indexOf([0, 11, "aa"], [11, 6, "bb"])],
    ["a section that is longer than said", indexOf([0, 9, "aa"], [9, 6, "bb"])],
    ["a negative length", indexOf([0, -1, "aa"])],
    ["a length that is no number of bytes", indexOf([0, 2 ** 60, "aa"])],
    ["another kind of stream", JSON.stringify({ stream: "kopia:directory", entries: [] })],
    ["no JSON", "{"],
    ["an id that is none", indexOf([0, 10, "../aa"])],
    ["itself in it", indexOf([0, 5, "Ix99"])],
  ])("with %s in its index is corrupt", async (_, index) => {
    const { objects } = reader({ ...twoLevels, x99: index })
    expect((await failure(text(objects, "Ix99"))).code).toBe("corrupt")
  })

  it("is never read whole when it is longer than it may be", async () => {
    const { objects } = reader(twoLevels)
    expect((await failure(objects.readWhole("Ix22", 18))).code).toBe("corrupt")
    expect((await objects.readWhole("Ix22", 19)).length).toBe(19)
  })
})

describe("an object id", () => {
  it.each(["", "I", "IZaa", "g", "aaa".repeat(100) + "z", "IIIIIIIIIaa", "Z", "kk11", "AA"])(
    "is not %j",
    (id) => {
      expect(() => parseObjectId(id, "test")).toThrow("no object id")
    },
  )

  it("says levels, frame and content", () => {
    expect(parseObjectId("IIxab12", "")).toEqual({ levels: 2, compressed: false, contentId: "xab12" })
    expect(parseObjectId("Zab12", "")).toEqual({ levels: 0, compressed: true, contentId: "ab12" })
  })
})
