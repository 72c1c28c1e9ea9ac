import { describe, expect, it } from "vitest"
import {
  anomaliesBetween,
  type Anomaly,
  type AnomalyLimits,
  usualLimits,
} from "../../../server/anomalies/index.js"
import { Tally } from "../../../server/anomalies/tally.js"
import { type Snapshot, type SnapshotEntry, StorageError } from "../../../storage/index.js"
import { directoryOf, entryOf, snapshotOf, TreeContents } from "../../support/tree-contents.js"

/** Files by path, with what is in them, cut at each "|"; every directory's id is made of what is below it. */
type Tree = Readonly<Record<string, string>>

class Trees extends TreeContents {
  readonly #directories: Map<string, SnapshotEntry[]>

  constructor() {
    const directories = new Map<string, SnapshotEntry[]>()
    super(
      (id) => directories.get(id),
      (id) => Buffer.from(id),
    )
    this.#directories = directories
  }

  add(id: number, tree: Tree, more: Partial<Snapshot> = {}): Snapshot {
    const root = this.#directory(tree)
    return snapshotOf(id.toString(16), root, { files: Object.keys(tree).length, ...more })
  }

  #directory(tree: Tree): string {
    const folders = [
      ...new Set(Object.keys(tree).flatMap((path) => (path.includes("/") ? [path.split("/")[0] ?? ""] : []))),
    ]
    const entries = [
      ...folders.map((name) => directoryOf(name, this.#directory(below(tree, name)))),
      ...Object.entries(tree)
        .filter(([path]) => !path.includes("/"))
        .map(([name, text]) =>
          entryOf({
            name,
            size: text.replaceAll("|", "").length,
            content: text === "" ? [] : text.split("|"),
          }),
        ),
    ]
    const id = `dir ${JSON.stringify(tree)}`
    this.#directories.set(id, entries)
    return id
  }
}

function below(tree: Tree, folder: string): Tree {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([path, text]) =>
      path.startsWith(`${folder}/`) ? [[path.slice(folder.length + 1), text]] : [],
    ),
  )
}

const zeros = (size: number) => "\0".repeat(size)
const filled = (count: number, of = (at: number) => `content ${at}`, name = (at: number) => `f${at}`): Tree =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [name(at), of(at)]))

async function step(
  before: Tree | undefined,
  after: Tree,
  {
    set,
    earlier = [],
    more = {},
  }: { set?: Partial<AnomalyLimits>; earlier?: Tree[]; more?: Partial<Snapshot> } = {},
): Promise<Anomaly[]> {
  const contents = new Trees()
  const past = earlier.map((tree, at) => contents.add(at + 1, tree, more))
  return anomaliesBetween({
    source: "home/app",
    contents,
    before: before && contents.add(50, before, more),
    after: contents.add(51, after, more),
    earlier: past,
    limits: { ...usualLimits, ...set },
  })
}

const codes = async (...input: Parameters<typeof step>) => (await step(...input)).map(({ code }) => code)

describe("zeros", () => {
  const text = "x".repeat(5000)

  it("at the same size are told with their names", async () => {
    expect(await step({ "db/a": text, b: text }, { "db/a": zeros(5000), b: text })).toMatchObject([
      {
        code: "file_zeroed",
        severity: "critical",
        subject: { kind: "snapshot" },
        evidence: { count: 1, bytes: 5000, paths: ["db/a"], more: 0, before: "32", after: "33" },
      },
    ])
  })

  it("of another size, that were zeros before, or too small are not told as such", async () => {
    expect(await codes({ a: text }, { a: zeros(4999) })).toEqual([])
    expect(await codes({ a: zeros(5000) + "x" }, { a: zeros(5001) })).toEqual(["file_zeroed"])
    expect(await codes({ a: zeros(9000) }, { a: zeros(5000) })).toEqual([])
    expect(await codes({ a: zeros(5000) }, { a: `${zeros(2500)}|${zeros(2500)}` })).toEqual([])
    expect(await codes({ a: text }, { a: `${zeros(2500)}|${zeros(2500)}` })).toEqual(["file_zeroed"])
    expect(await codes({ a: "x".repeat(4095) }, { a: zeros(4095) })).toEqual([])
    expect(await codes({ a: "x".repeat(4095) }, { a: zeros(4095) }, { set: { zeroBytes: 4095 } })).toEqual([
      "file_zeroed",
    ])
  })

  it("in a file's first snapshot are told, more loudly where there is nothing else", async () => {
    const tell = await step({ a: text }, { a: text, b: zeros(5000), c: text, d: text })
    expect(tell).toMatchObject([
      { code: "zeros_from_start", severity: "info", evidence: { count: 1, of: 3 } },
    ])
    expect(await step(undefined, { a: zeros(5000), b: zeros(6000) })).toMatchObject([
      { code: "zeros_from_start", severity: "warning", evidence: { count: 2, bytes: 11_000, before: null } },
    ])
    expect(await codes(undefined, filled(100))).toEqual([])
  })

  it("beyond a hundred are counted", async () => {
    const many = (of: string) => filled(150, () => of)
    const [told] = await step(
      {
        ...many(text),
        ...filled(
          150,
          (at) => `${at}`,
          (at) => `g${at}`,
        ),
      },
      {
        ...many(zeros(5000)),
        ...filled(
          150,
          (at) => `${at}`,
          (at) => `g${at}`,
        ),
      },
    )
    expect(told).toMatchObject({ code: "file_zeroed", evidence: { count: 150, more: 50 } })
    expect(told?.evidence["paths"]).toHaveLength(100)
    expect(told?.title).toContain("f0, f1, f10 and 147 more")
  })
})

describe("many changes at once", () => {
  const old = filled(40)
  const encrypted = filled(40, (at) => `secret ${at}`)

  it("of contents under the same names are told, critical where other steps were calm", async () => {
    expect(await step(old, encrypted)).toMatchObject([
      {
        code: "everything_rewritten",
        severity: "warning",
        evidence: { changed: 40, filesBefore: 40, sameTime: 0 },
      },
    ])
    expect(await step(old, encrypted, { earlier: [old, { ...old, f1: "other" }] })).toMatchObject([
      { code: "everything_rewritten", severity: "critical" },
    ])
  })

  it("are not told of a source whose every backup is like that", async () => {
    const other = (word: string) => filled(40, (at) => `${word} ${at}`)
    expect(await codes(old, encrypted, { earlier: [other("a"), other("b"), other("c")] })).toEqual([])
    expect(await codes(old, encrypted, { earlier: [other("a"), old, old] })).toEqual(["everything_rewritten"])
  })

  it("are told from the limits on", async () => {
    const some = (count: number) => ({ ...old, ...filled(count, (at) => `secret ${at}`) })
    expect(await codes(old, some(31))).toEqual([])
    expect(await codes(old, some(32))).toEqual(["everything_rewritten"])
    expect(
      await codes(
        filled(19),
        filled(19, () => "secret"),
      ),
    ).toEqual([])
    expect(await codes(old, some(31), { set: { rewrittenPercent: 75 } })).toEqual(["everything_rewritten"])
    expect(await codes(old, some(32), { set: { off: ["everything_rewritten"] } })).toEqual([])
  })

  it("of names that get an ending are told as that, and not as deletions", async () => {
    const locked = filled(
      40,
      (at) => `secret ${at}`,
      (at) => `f${at}.locked`,
    )
    expect(await step(old, locked)).toMatchObject([
      { code: "everything_renamed", evidence: { renamed: 40, ending: ".locked" } },
    ])
  })

  it("of names alone are a move", async () => {
    const moved = filled(
      40,
      (at) => `content ${at}`,
      (at) => `elsewhere/f${at}`,
    )
    expect(await codes(old, moved)).toEqual([])
    expect(
      await codes(
        old,
        filled(
          40,
          (at) => `content ${at}`,
          (at) => `f${at}.bak`,
        ),
      ),
    ).toEqual([])
  })

  it("of files that go are told with how many moved", async () => {
    const left = Object.fromEntries(Object.entries(old).slice(0, 20))
    expect(await step(old, { ...left, "new/f39": "content 39" })).toMatchObject([])
    const fewer = Object.fromEntries(Object.entries(old).slice(0, 19))
    expect(await step(old, { ...fewer, "new/f39": "content 39" })).toMatchObject([
      { code: "mass_deletion", evidence: { removed: 21, moved: 1, added: 1, filesBefore: 40 } },
    ])
  })

  it("are seen where the writer did not record how many files there were", async () => {
    const more = { files: undefined }
    expect(await codes(old, encrypted, { more })).toEqual(["everything_rewritten"])
    expect(await codes(old, filled(8), { more })).toEqual(["mass_deletion"])
    expect(await codes(old, filled(39), { more })).toEqual([])
  })
})

describe("what could not be compared", () => {
  it("is told, and hides nothing else", async () => {
    const contents = new Trees()
    const before = contents.add(1, { "a/x": "1", b: "x".repeat(5000) })
    const after = contents.add(2, { "a/x": "2", b: zeros(5000) })
    const list = contents.list.bind(contents)
    contents.list = (directory) =>
      directory.name.length > 0
        ? Promise.reject(new StorageError("corrupt", "it is damaged"))
        : list(directory)
    const found = await anomaliesBetween({ source: "s", contents, before, after, limits: usualLimits })
    expect(found).toMatchObject([
      { code: "file_zeroed" },
      { code: "not_compared", severity: "warning", evidence: { first: "it is damaged" } },
    ])
  })

  it("because it has no end is told", async () => {
    const endless = new TreeContents((id) => [directoryOf("d", `${id}+`), directoryOf("e", `${id}-`)])
    const [before, after] = [snapshotOf("1", "a"), snapshotOf("2", "b")]
    const input = { source: "s", contents: endless, before, after, limits: usualLimits }
    const found = await anomaliesBetween({ ...input, mostEntries: 1000 })
    expect(found).toMatchObject([{ code: "not_compared" }])
  })

  it("because somebody ended it throws that", async () => {
    const contents = new Trees()
    const [before, after] = [contents.add(1, filled(5)), contents.add(2, filled(6))]
    const signal = AbortSignal.abort(new Error("enough"))
    await expect(
      anomaliesBetween({ source: "s", contents, before, after, limits: usualLimits, signal }),
    ).rejects.toThrow("enough")
  })
})

it("more files than can be remembered count as lost only as far as nothing came for them", async () => {
  const contents = new Trees()
  const move = async (gone: number, came: number, most: number) => {
    const tally = new Tally(contents, undefined, most)
    const entry = (at: number) => entryOf({ name: `f${at}`, size: 1, content: [`content ${at}`] })
    for (let at = 0; at < gone; at++)
      await tally.add({ path: Buffer.from(`a/${at}`), kind: "removed", before: entry(at), what: [] })
    for (let at = came - 1; at >= 0; at--)
      await tally.add({ path: Buffer.from(`b/${at}`), kind: "added", after: entry(at), what: [] })
    return tally.lost()
  }
  expect(await move(30, 30, 1000)).toBe(0)
  expect(await move(30, 30, 10)).toBe(0)
  expect(await move(30, 5, 10)).toBe(25)
  expect(await move(30, 5, 1000)).toBe(25)
  expect(await move(5, 30, 10)).toBe(0)
})

it("equal trees are not read at all", async () => {
  const contents = new Trees()
  const [before, after] = [contents.add(1, filled(500)), contents.add(2, filled(500))]
  expect(await anomaliesBetween({ source: "s", contents, before, after, limits: usualLimits })).toEqual([])
  expect(contents.listed).toEqual([])
})
