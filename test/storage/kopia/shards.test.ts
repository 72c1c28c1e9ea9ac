import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { blobPath, LAYOUT_WITHOUT_FILE, parseShards } from "../../../storage/kopia/shards.js"

const parse = (text: string) => parseShards(Buffer.from(text))
const pack = "p0123abcd0123abcd0123abcd0123abcd-s00112233"

describe(".shards", () => {
  const usual = '{"default":[1,3],"maxNonShardedLength":20}'

  it("cuts an id into folders", () => {
    expect(blobPath(parse(usual), pack)).toBe("p/012/3abcd0123abcd0123abcd0123abcd-s00112233.f")
  })

  it("leaves short ids in the root", () => {
    expect(blobPath(parse(usual), "kopia.repository")).toBe("kopia.repository.f")
    expect(blobPath(parse(usual), "12345678901234567890")).toBe("12345678901234567890.f")
    expect(blobPath(parse(usual), "123456789012345678901")).toBe("1/234/56789012345678901.f")
  })

  it("takes the first override whose prefix fits", () => {
    const layout = parse(
      '{"default":[1,3],"maxNonShardedLength":20,"overrides":[{"prefix":"p","shards":[2]},{"prefix":"p0","shards":[]}]}',
    )
    expect(blobPath(layout, pack)).toBe("p0/123abcd0123abcd0123abcd0123abcd-s00112233.f")
    expect(blobPath(layout, pack.replace("p", "q"))).toMatch(/^q\/012\//)
  })

  it("is flat when it names no sizes", () => {
    expect(blobPath(parse('{"default":[],"maxNonShardedLength":20}'), pack)).toBe(pack + ".f")
    expect(blobPath(parse('{"default":null,"maxNonShardedLength":20}'), pack)).toBe(pack + ".f")
  })

  it("never cuts the last characters away", () => {
    const layout = parse('{"default":[3,3],"maxNonShardedLength":0}')
    expect(blobPath(layout, "abcdef")).toBe("abc/def.f")
    expect(blobPath(layout, "abc")).toBe("abc.f")
  })

  it("is [3,3] where it is missing", () => {
    expect(blobPath(LAYOUT_WITHOUT_FILE, pack)).toBe("p01/23a/bcd0123abcd0123abcd0123abcd-s00112233.f")
  })

  it("keeps every character of an id, whatever the layout", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 })
    fc.assert(
      fc.property(sizes, fc.nat(30), fc.stringMatching(/^[a-z0-9_-]{1,60}$/), (shards, longest, id) => {
        const path = blobPath({ default: shards, maxNonShardedLength: longest, overrides: [] }, id)
        expect(path.replaceAll("/", "")).toBe(id + ".f")
      }),
    )
  })

  for (let length = 0; length < usual.length; length++) {
    it(`is refused when cut to ${length} bytes`, () => {
      expect(() => parse(usual.slice(0, length))).toThrow(
        expect.objectContaining({ code: "corrupt", facts: { file: ".shards" } }),
      )
    })
  }

  it.each([
    '{"default":[0],"maxNonShardedLength":20}',
    '{"default":[-1]}',
    '{"default":["3"]}',
    '{"default":3}',
    '{"default":[1.5]}',
    '{"default":[3],"maxNonShardedLength":-1}',
    '{"default":[3],"overrides":[{"prefix":1,"shards":[]}]}',
    `{"default":[${Array(17).fill(1).join()}]}`,
    "[]",
    "null",
  ])("is refused as %s", (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "corrupt" }))
  })
})
