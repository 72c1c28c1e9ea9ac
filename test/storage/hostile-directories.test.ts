import { describe, expect, it } from "vitest"
import { parseDirectory } from "../../storage/kopia/directory-object.js"
import { unquoteName } from "../../storage/restic/quoted-name.js"
import { parseTree } from "../../storage/restic/tree.js"

const ID = "ab".repeat(32)
const kopia = (entry: object): unknown =>
  parseDirectory(
    Buffer.from(
      JSON.stringify({ stream: "kopia:directory", entries: [{ name: "a", type: "f", obj: "aa", ...entry }] }),
    ),
    "directory k1",
  )
const restic = (node: object): unknown =>
  parseTree(
    Buffer.from(
      JSON.stringify({
        nodes: [{ name: "a", type: "file", mode: 420, uid: 0, gid: 0, content: [ID], ...node }],
      }),
    ),
    "tree 1",
  )

describe("a name that no file can have", () => {
  it.each(["", ".", "..", "a/b", "/", "/etc/passwd", "a\0", "x".repeat(5_000)])("%j is refused", (name) => {
    expect(() => kopia({ name })).toThrow("a name that no file can have")
    const quoted = name.replaceAll("\0", "\\x00")
    expect(() => restic({ name: quoted })).toThrow("a name that no file can have")
  })

  it("is refused in restic's quotes, too", () => {
    expect(() => restic({ name: "\\x2e\\x2e" })).toThrow("a name that no file can have")
    expect(() => restic({ name: "a\\x2fb" })).toThrow("a name that no file can have")
  })
})

describe("an odd name", () => {
  it.each([" ", "...", "-rf", "\n", "ü🔑", "a\\b", "\u{feff}"])("%j is a name", (name) => {
    expect(kopia({ name })).toMatchObject([{ name: Buffer.from(name) }])
  })
})

describe("what is in a directory", () => {
  it.each([
    { size: -1 },
    { size: 2 ** 60 },
    { size: "1" },
    { mode: "0888" },
    { mode: 420 },
    { uid: -1 },
    { uid: 2 ** 32 },
    { gid: 1.5 },
    { mtime: "yesterday" },
    { name: 7 },
  ])("is corrupt with Kopia's %j", (entry) => {
    expect(() => kopia(entry)).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
  })

  it.each([
    { size: -1 },
    { content: null },
    { content: ["../../etc/passwd"] },
    { content: [7] },
    { type: "dir" },
    { type: "dir", subtree: "x" },
    { type: "symlink", linktarget_raw: "%%%" },
    { extended_attributes: [{ value: "YQ==" }] },
    { name: "a\\q" },
    { name: "a\\" },
  ])("is corrupt with restic's %j", (node) => {
    expect(() => restic(node)).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
  })

  it("is corrupt when it is something else", () => {
    for (const json of ["", "[]", "null", "{}", '{"stream":"kopia:indirect","entries":[]}'])
      expect(() => parseDirectory(Buffer.from(json), "directory k1")).toThrow()
    for (const json of ["", "[]", "null", '{"nodes":7}'])
      expect(() => parseTree(Buffer.from(json), "t")).toThrow()
  })

  it("may be nothing", () => {
    expect(parseDirectory(Buffer.from('{"stream":"kopia:directory","entries":null}'), "d")).toEqual([])
    expect(parseTree(Buffer.from('{"nodes":[]}'), "t")).toEqual([])
  })

  it("of a kind that nobody knows is shown as such", () => {
    expect(kopia({ type: "x" })).toMatchObject([{ kind: "unknown" }])
    expect(restic({ type: "irregular", content: null })).toMatchObject([{ kind: "unknown", content: [] }])
  })

  it("counts once where an old restic wrote it twice, or as null", () => {
    const node = { name: "a", type: "fifo", mode: 0, uid: 0, gid: 0 }
    const nodes = [node, null, node, { ...node, name: "b" }]
    expect(parseTree(Buffer.from(JSON.stringify({ nodes })), "t")).toHaveLength(2)
  })
})

describe("a name in restic's quotes", () => {
  it.each([
    ["plain", "plain"],
    ["\\x66\\x6f", "fo"],
    ["tab\\there", "tab\there"],
    ['q\\"\\\\', 'q"\\'],
    ["\\u00fc\\U0001f511", "ü🔑"],
  ])("%s", (quoted, name) => {
    expect(Buffer.from(unquoteName(quoted, "t")).toString()).toBe(name)
  })

  it("may be of bytes that are no text", () => {
    expect(Buffer.from(unquoteName("a\\xff\\x80b", "t")).toString("hex")).toBe("61ff8062")
  })

  it.each(["\\ud800", "\\U00110000", "\\xg0", "\\0"])("cannot be %s", (quoted) => {
    expect(() => unquoteName(quoted, "t")).toThrow("not quoted as restic does it")
  })
})
