import { rmSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { SnapshotEntry } from "../../../storage/contents.js"
import { diffTrees, type TreeChange } from "../../../storage/browse/index.js"
import type { WalkLimits } from "../../../storage/browse/index.js"
import type { SnapshotContents } from "../../../storage/index.js"
import { filesBelow } from "../../support/damage.js"
import { fixtureCopy } from "../../support/fixtures.js"
import { openedFixture } from "../../support/opened-fixture.js"
import { runRestic } from "../../support/programs.js"
import { type ReadEntry, readAll, sha256Of } from "../../support/restored.js"
import { directoryOf, entryOf, TreeContents } from "../../support/tree-contents.js"

async function diff(
  contents: SnapshotContents,
  before: SnapshotEntry | undefined,
  after: SnapshotEntry | undefined,
  options?: WalkLimits,
): Promise<TreeChange[]> {
  const changes: TreeChange[] = []
  for await (const change of diffTrees(contents, before, after, options)) changes.push(change)
  return changes
}

const textOf = ({ path }: TreeChange): string => Buffer.from(path).toString()
const brief = (change: TreeChange): string =>
  `${change.kind} ${textOf(change)} ${change.what.join(",")}${change.problem === undefined ? "" : ` ${change.problem.code}`}`.trim()

/** What two snapshots differ in, told by reading every byte of both. */
function byReading(before: readonly ReadEntry[], after: readonly ReadEntry[]): string[] {
  const [old, now] = [before, after].map((side) => new Map(side.map((one) => [one.path, one]))) as [
    Map<string, ReadEntry>,
    Map<string, ReadEntry>,
  ]
  const lines: string[] = []
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(path), now.get(path)]
    if (was === undefined || is === undefined)
      lines.push(`${path} ${was === undefined ? "added" : "removed"}`)
    else if (was.entry.kind !== is.entry.kind) lines.push(`${path} type`)
    else if (was.sha256 !== is.sha256 || was.target !== is.target) lines.push(`${path} content`)
  }
  return lines.sort()
}

const FIXTURES = [
  "kopia/full-tree",
  "kopia/zero-files",
  "kopia/cluster-shared",
  "kopia/compression-format-1",
  "restic/full-tree-by-0.19",
  "restic/zero-files",
  "restic/migrated-v1-to-v2",
  "restic/forget-prune",
]

describe("the difference of two snapshots", () => {
  it.each(FIXTURES)("is what reading every byte of both tells: %s", async (name) => {
    const { contents, snapshots } = await openedFixture(name)
    const read = await Promise.all(snapshots.map((one) => readAll(contents, one)))
    let told = 0
    for (let at = 1; at < snapshots.length; at++) {
      const [before, after] = [snapshots[at - 1], snapshots[at]]
      if (before === undefined || after === undefined) throw new Error("no snapshots")
      const changes = await diff(contents, contents.root(before), contents.root(after))
      const lines = changes.flatMap(({ path, kind, what }) => {
        const hex = Buffer.from(path).toString("hex")
        if (kind !== "changed") return [`${hex} ${kind}`]
        if (what.includes("type")) return [`${hex} type`]
        return what.includes("content") || what.includes("target") ? [`${hex} content`] : []
      })
      expect(lines.sort()).toEqual(byReading(read[at - 1] ?? [], read[at] ?? []))
      told += lines.length
    }
    expect(told).toBeGreaterThan(0)
  })

  it("is what restic itself tells", async () => {
    const { contents, snapshots, directory, password } = await openedFixture("restic/zero-files")
    const letters = { added: "+", removed: "-" }
    let told = 0
    for (const [at, after] of snapshots.entries()) {
      const before = snapshots[at - 1]
      if (before === undefined) continue
      const printed = runRestic(directory, password, "diff", "--json", before.id, after.id)
      const real = printed
        .split("\n")
        .filter((line) => line.includes('"change"'))
        .map((line) => JSON.parse(line) as { modifier: string; path: string })
        .map(({ modifier, path }) => `${modifier} ${path.replace(/^\/|\/$/g, "")}`)
      const changes = await diff(contents, contents.root(before), contents.root(after))
      const ours = changes.flatMap((change) => {
        if (change.kind !== "changed") return [`${letters[change.kind]} ${textOf(change)}`]
        return change.what.includes("content") ? [`M ${textOf(change)}`] : []
      })
      expect(ours.sort()).toEqual(real.sort())
      told += ours.length
    }
    expect(told).toBeGreaterThan(30)
  })

  it("counts the same bytes as another content where the engine stored them in another way", async () => {
    const { contents, snapshots } = await openedFixture("kopia/format-1")
    const wanted = Buffer.from("config.xml")
    const files = await Promise.all(
      snapshots.map(async (one) => {
        const entry = (await contents.list(contents.root(one))).find(({ name }) => wanted.equals(name))
        if (entry === undefined) throw new Error("no file")
        return { root: contents.root(one), id: entry.content[0], sha256: await sha256Of(contents, entry) }
      }),
    )
    const [plain, packed] = files.flatMap((one) => {
      const other = files.find(({ id, sha256 }) => sha256 === one.sha256 && id !== one.id)
      return other === undefined ? [] : [[one, other]]
    })[0] ?? [undefined, undefined]
    expect(plain).toBeDefined()
    const changes = await diff(contents, plain?.root, packed?.root)
    expect(changes.find((change) => textOf(change) === "config.xml")?.what).toContain("content")
  })

  it("is nothing between a snapshot and itself, and reads nothing for it", async () => {
    const contents = new TreeContents({})
    expect(await diff(contents, directoryOf("", "x"), directoryOf("", "x"))).toEqual([])
    expect(contents.listed).toEqual([])
  })

  it("is everything, against nothing", async () => {
    const { contents, snapshots } = await openedFixture("restic/zero-files")
    const [first] = snapshots
    if (first === undefined) throw new Error("no snapshot")
    const all = await readAll(contents, first)
    const changes = await diff(contents, undefined, contents.root(first))
    expect(
      changes
        .slice(1)
        .map(({ path }) => Buffer.from(path).toString("hex"))
        .sort(),
    ).toEqual(all.map(({ path }) => path).sort())
    expect(new Set(changes.map(({ kind }) => kind))).toEqual(new Set(["added"]))
    const back = await diff(contents, contents.root(first), undefined)
    expect(back.map(brief)).toEqual(changes.map((one) => brief(one).replace("added", "removed")))
  })
})

describe("two trees", () => {
  it("share what has one content id, which is not read", async () => {
    const contents = new TreeContents({
      old: [directoryOf("same", "s"), directoryOf("other", "o1")],
      new: [directoryOf("same", "s"), directoryOf("other", "o2")],
      s: [entryOf({ name: "in it" })],
      o1: [entryOf({ name: "a", content: ["1"] })],
      o2: [entryOf({ name: "a", content: ["2"] })],
    })
    const changes = await diff(contents, directoryOf("", "old"), directoryOf("", "new"))
    expect(changes.map(brief)).toEqual(["changed other/a content"])
    expect(contents.listed.sort()).toEqual(["new", "o1", "o2", "old"])
  })

  it("differ in whatever an entry is made of", async () => {
    const name = "a"
    const cases: [Partial<SnapshotEntry>, Partial<SnapshotEntry>, string][] = [
      [{ size: 1 }, { size: 2 }, "size"],
      [{ mode: 0o644 }, { mode: 0o600 }, "mode"],
      [{ uid: 1 }, { uid: 2 }, "owner"],
      [{ gid: 1 }, { gid: 2 }, "owner"],
      [{ modified: 1n }, { modified: 2n }, "modified"],
      [{ content: ["a", "b"] }, { content: ["a"] }, "content"],
      [
        { kind: "symlink", target: Buffer.from("a") },
        { kind: "symlink", target: Buffer.from("b") },
        "target",
      ],
      [{ kind: "symlink", content: ["a"] }, { kind: "symlink", content: ["b"] }, "target"],
      [{ kind: "block_device", device: 1 }, { kind: "block_device", device: 2 }, "device"],
      [{ attributes: [] }, { attributes: [{ name: "user.a", value: Buffer.from("1") }] }, "attributes"],
      [
        { attributes: [{ name: "user.a", value: Buffer.from("2") }] },
        { attributes: [{ name: "user.a", value: Buffer.from("1") }] },
        "attributes",
      ],
      [{ kind: "fifo" }, { kind: "socket" }, "type"],
    ]
    for (const [before, after, what] of cases) {
      const contents = new TreeContents({
        a: [entryOf({ ...before, name })],
        b: [entryOf({ ...after, name })],
      })
      const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
      expect(changes.map(brief)).toEqual([`changed a ${what}`])
    }
  })

  it("are told by the bytes of names, whatever the order of the engine, also of names that are not UTF-8", async () => {
    const odd = Uint8Array.of(0xff, 0x0a)
    const contents = new TreeContents({
      a: [entryOf({ name: "z" }), entryOf({ name: odd }), directoryOf("d", "x")],
      b: [directoryOf("d", "y"), entryOf({ name: odd, size: 3 }), entryOf({ name: "a" })],
      x: [],
      y: [entryOf({ name: "new" })],
    })
    const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
    expect(changes.map(({ path, kind }) => [Buffer.from(path).toString("latin1"), kind])).toEqual([
      ["a", "added"],
      ["d/new", "added"],
      ["z", "removed"],
      ["\xff\n", "changed"],
    ])
  })

  it("with a file where a directory was: it is changed, and what was in it removed", async () => {
    const contents = new TreeContents({
      a: [directoryOf("d", "x")],
      b: [entryOf({ name: "d", mode: 0o755, content: ["1"] })],
      x: [directoryOf("e", "y")],
      y: [entryOf({ name: "f" })],
    })
    const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
    expect(changes.map(brief)).toEqual(["changed d type", "removed d/e", "removed d/e/f"])
    const back = await diff(contents, directoryOf("", "b"), directoryOf("", "a"))
    expect(back.map(brief)).toEqual(["changed d type", "added d/e", "added d/e/f"])
  })

  it("may be files", async () => {
    const [a, b] = [entryOf({ name: "a", content: ["1"] }), entryOf({ name: "b", content: ["2"] })]
    expect((await diff(new TreeContents({}), a, b)).map(brief)).toEqual(["changed  content"])
    expect(await diff(new TreeContents({}), a, a)).toEqual([])
  })
})

describe("what cannot be read", () => {
  it("is told at its directory, and the rest goes on", async () => {
    const contents = new TreeContents({
      a: [directoryOf("1 rotten", "gone"), directoryOf("2 fine", "x"), directoryOf("4 left", "gone")],
      b: [directoryOf("1 rotten", "y"), directoryOf("2 fine", "y"), directoryOf("3 new", "gone")],
      x: [],
      y: [entryOf({ name: "f" })],
    })
    const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
    expect(changes.map(brief)).toEqual([
      "changed 1 rotten  corrupt",
      "added 2 fine/f",
      "added 3 new  corrupt",
      "removed 4 left  corrupt",
    ])
  })

  it("is told of a real repository, for each directory that was lost", async () => {
    const directory = fixtureCopy("kopia/zero-files")
    const { contents, snapshots } = await openedFixture("kopia/zero-files", directory)
    for (const pack of filesBelow(directory, /^q\//)) rmSync(pack)
    const [before, after] = snapshots
    if (before === undefined || after === undefined) throw new Error("no snapshots")
    const changes = await diff(contents, contents.root(before), contents.root(after))
    expect(changes.map(({ problem }) => problem?.code)).toEqual(["missing"])
  })

  it("is told of names that a directory holds twice, of which the first counts", async () => {
    const contents = new TreeContents({
      a: [entryOf({ name: "x", content: ["1"] }), entryOf({ name: "x", content: ["2"] })],
      b: [entryOf({ name: "x", content: ["1"] })],
    })
    const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
    expect(changes.map(brief)).toEqual(["changed   corrupt"])
  })
})

describe("a hostile tree", () => {
  const endless = new TreeContents((id) =>
    ["a", "b"].map((name) => directoryOf(name, `${id.slice(0, 3)}${Number(id.slice(3)) + 1}`)),
  )

  it("of 10,000 levels is compared", async () => {
    const contents = new TreeContents((id) => {
      const depth = Number(id.slice(3))
      return depth === 10_000
        ? [entryOf({ name: "deep", content: [id.slice(0, 3)] })]
        : [directoryOf("d", `${id.slice(0, 3)}${depth + 1}`)]
    })
    const changes = await diff(contents, directoryOf("", "old0"), directoryOf("", "new0"))
    expect(changes.map(({ kind, path }) => [kind, path.length])).toEqual([["changed", 2 * 10_000 + 4]])
  })

  it("without an end is given up at the limit, or when somebody cancels", async () => {
    const walk = (options: WalkLimits): Promise<TreeChange[]> =>
      diff(endless, directoryOf("", "old0"), directoryOf("", "new0"), options)
    await expect(walk({ mostEntries: 10_000 })).rejects.toMatchObject({ code: "unsupported" })
    const reason = new Error("enough")
    const found = diffTrees(endless, directoryOf("", "old0"), undefined, {
      signal: AbortSignal.abort(reason),
    })
    await expect(found.next()).rejects.toBe(reason)
  })

  it("of a million entries in one directory is compared in one go", async () => {
    const entries = (content: string): SnapshotEntry[] =>
      Array.from({ length: 1_000_000 }, (_, at) =>
        entryOf({ name: `file-${at}`, content: at === 500_000 ? [content] : [] }),
      )
    const contents = new TreeContents({ a: entries("1"), b: entries("2").reverse() })
    const changes = await diff(contents, directoryOf("", "a"), directoryOf("", "b"))
    expect(changes.map(brief)).toEqual(["changed file-500000 content"])
  })
})
