import { describe, expect, it } from "vitest"
import {
  findInTree,
  findVersions,
  type FindVersionsOptions,
  PathPattern,
  type PatternOptions,
} from "../../../storage/browse/index.js"
import type { Snapshot, SnapshotContents } from "../../../storage/index.js"
import { openedFixture } from "../../support/opened-fixture.js"
import { runRestic } from "../../support/programs.js"
import { type ReadEntry, readAll } from "../../support/restored.js"
import { directoryOf, entryOf, snapshotOf, TreeContents } from "../../support/tree-contents.js"

/** A line for each version: path, ids of the first and the last snapshot, how many. */
async function versions(
  contents: SnapshotContents,
  snapshots: readonly Snapshot[],
  text: string,
  options: PatternOptions & FindVersionsOptions = {},
): Promise<string[]> {
  const lines: string[] = []
  for await (const found of findVersions(contents, snapshots, new PathPattern(text, options), options)) {
    const path = Buffer.from(found.path).toString()
    const what = "problem" in found ? found.problem.code : String(found.size)
    lines.push(`${path} ${what} ${found.first.id}..${found.last.id} ${found.snapshots}`)
  }
  return lines
}

async function inTree(
  contents: SnapshotContents,
  root: string,
  text: string,
  limits = {},
): Promise<string[]> {
  const lines: string[] = []
  for await (const found of findInTree(contents, directoryOf("", root), new PathPattern(text), limits))
    lines.push(Buffer.from(found.path).toString() + ("problem" in found ? ` ${found.problem.code}` : ""))
  return lines
}

/** The same by reading every byte of every snapshot. */
function byReading(
  snapshots: readonly Snapshot[],
  read: ReadonlyMap<Snapshot, readonly ReadEntry[]>,
  name: string,
): string[] {
  const lines: string[] = []
  const sources = new Set(snapshots.map(({ source }) => JSON.stringify(source)))
  for (const source of sources) {
    const mine = snapshots.filter((one) => JSON.stringify(one.source) === source)
    const paths = new Set(mine.flatMap((one) => (read.get(one) ?? []).map(({ path }) => path)))
    const fitting = [...paths]
      .map((path) => Buffer.from(path, "hex").toString())
      .filter((path) => path.split("/").at(-1) === name)
    for (const path of fitting.sort()) {
      let run:
        { sha256: string | undefined; size: number; first: string; last: string; count: number } | undefined
      const close = (): void => {
        if (run !== undefined) lines.push(`${path} ${run.size} ${run.first}..${run.last} ${run.count}`)
        run = undefined
      }
      for (const one of mine) {
        const hex = Buffer.from(path).toString("hex")
        const found = (read.get(one) ?? []).find((entry) => entry.path === hex)
        if (found === undefined) close()
        else if (run?.sha256 === found.sha256 && run !== undefined) {
          run.last = one.id
          run.count++
        } else {
          close()
          run = { sha256: found.sha256, size: found.entry.size, first: one.id, last: one.id, count: 1 }
        }
      }
      close()
    }
  }
  return lines
}

describe.each([
  ["kopia/zero-files", "config.xml"],
  ["kopia/full-tree", "settings.yaml"],
  ["restic/zero-files", "settings.yaml"],
  ["restic/retention", "settings.yaml"],
  ["restic/full-tree-by-0.19", "settings.yaml"],
])("which snapshots of %s hold %s", (name, wanted) => {
  it("is what reading every byte of all tells", async () => {
    const { contents, snapshots } = await openedFixture(name)
    const read = new Map<Snapshot, ReadEntry[]>()
    for (const one of snapshots) read.set(one, await readAll(contents, one))
    const names = new Set(
      [...read.values()]
        .flat()
        .filter(({ entry }) => entry.kind === "file")
        .map(({ entry }) => Buffer.from(entry.name).toString()),
    )
    const some = [...names].filter((one) => !/[*?\\\ufffd]/.test(one)).slice(0, 12)
    expect(some.length).toBeGreaterThan(3)
    for (const one of new Set([wanted, ...some]))
      expect(await versions(contents, snapshots, one)).toEqual(byReading(snapshots, read, one))
  })
})

describe("what fits in one snapshot", () => {
  it.each(["*.jpg", "item-0000*", "s*.y?ml", "links/*", "**/*.log"])(
    "is what restic itself finds for %s",
    async (text) => {
      const { contents, snapshots, directory, password } = await openedFixture("restic/full-tree-by-0.19")
      const snapshot = snapshots.at(-1)
      if (snapshot === undefined) throw new Error("no snapshot")
      const absolute = text.includes("/") ? `/${text}` : text
      const printed = runRestic(directory, password, "find", "--json", "--snapshot", snapshot.id, absolute)
      const real = (JSON.parse(printed) as { matches: { path: string }[] }[]).flatMap(
        ({ matches }) => matches,
      )
      const found: string[] = []
      for await (const one of findInTree(contents, contents.root(snapshot), new PathPattern(text)))
        found.push(`/${Buffer.from(one.path).toString()}`)
      expect(found.length).toBeGreaterThan(0)
      expect(found.sort()).toEqual(real.map(({ path }) => path).sort())
    },
  )

  it("by its path reads only the directories on the way", async () => {
    const contents = new TreeContents({
      root: [directoryOf("a", "a"), directoryOf("b", "b"), directoryOf("c", "c")],
      a: [directoryOf("x", "ax"), entryOf({ name: "f" })],
      b: [directoryOf("x", "bx"), directoryOf("y", "by")],
      bx: [entryOf({ name: "f" }), directoryOf("deep", "deep")],
    })
    expect(await inTree(contents, "root", "b/x/f")).toEqual(["b/x/f"])
    expect(contents.listed).toEqual(["root", "b", "bx"])
  })

  it("is told with what could not be searched", async () => {
    const contents = new TreeContents({
      root: [directoryOf("a", "lost"), directoryOf("b", "b")],
      b: [entryOf({ name: "f" })],
    })
    expect(await inTree(contents, "root", "f")).toEqual(["a corrupt", "b/f"])
    await expect(inTree(contents, "lost", "f")).rejects.toMatchObject({ code: "corrupt" })
  })
})

describe("what fits over time", () => {
  const file = (name: string, content: string, size = 1) => entryOf({ name, content: [content], size })
  const all = ["1", "2", "3", "4", "5"]
  const history = (trees: Readonly<Record<string, ReturnType<typeof entryOf>[]>>) => ({
    contents: new TreeContents(trees),
    snapshots: all.map((id) => snapshotOf(id, `r${id}`)),
  })

  it("has a row for as long as one content lasts, and one more when it comes back", async () => {
    const { contents, snapshots } = history({
      r1: [file("f", "a")],
      r2: [file("f", "a"), file("g", "b")],
      r3: [file("f", "b", 2), file("g", "b")],
      r4: [file("f", "a")],
      r5: [file("f", "a"), file("g", "b")],
    })
    expect(await versions(contents, snapshots, "?")).toEqual([
      "f 1 1..2 2",
      "f 2 3..3 1",
      "f 1 4..5 2",
      "g 1 2..3 2",
      "g 1 5..5 1",
    ])
  })

  it("does not take for gone what an incomplete snapshot has not", async () => {
    const { contents, snapshots } = history({
      r1: [file("f", "a"), file("g", "a")],
      r2: [],
      r3: [],
      r4: [file("f", "a")],
      r5: [file("f", "b"), file("g", "a")],
    })
    const partly = snapshots.map((one) =>
      ["2", "3"].includes(one.id) ? { ...one, incomplete: "checkpoint" } : one,
    )
    expect(await versions(contents, partly, "?")).toEqual([
      "f 1 1..4 2",
      "f 1 5..5 1",
      "g 1 1..1 1",
      "g 1 5..5 1",
    ])
    expect(await versions(contents, snapshots, "f")).toEqual(["f 1 1..1 1", "f 1 4..4 1", "f 1 5..5 1"])
  })

  it("does not take for gone what lies in a directory that cannot be read, and tells of that", async () => {
    const { contents, snapshots } = history({
      r1: [directoryOf("d", "d1"), directoryOf("e", "e")],
      r2: [directoryOf("d", "lost"), directoryOf("e", "e")],
      r3: [directoryOf("d", "lost")],
      r4: [directoryOf("d", "d1")],
      r5: [directoryOf("d", "d2")],
      d1: [file("f", "a"), directoryOf("x", "e")],
      d2: [],
      e: [file("f", "b")],
    })
    expect(await versions(contents, snapshots, "f")).toEqual([
      "d corrupt 2..3 2",
      "d/f 1 1..4 2",
      "d/x/f 1 1..4 2",
      "e/f 1 1..2 2",
    ])
  })

  it("goes by source, and the newest is named though snapshots are given in any order", async () => {
    const contents = new TreeContents({ r: [file("f", "a")] })
    const other = { user: "b", host: "home", paths: ["/data"] }
    const snapshots = [snapshotOf("3", "r"), snapshotOf("2", "r", { source: other }), snapshotOf("1", "r")]
    expect(await versions(contents, snapshots, "f")).toEqual(["f 1 1..3 2", "f 1 2..2 1"])
  })

  it("goes on when a whole snapshot cannot be read", async () => {
    const contents = new TreeContents({ r1: [file("f", "a")], r3: [file("f", "a")] })
    const snapshots = ["1", "2", "3"].map((id) => snapshotOf(id, `r${id}`))
    expect(await versions(contents, snapshots, "f")).toEqual([" corrupt 2..2 1", "f 1 1..3 2"])
  })

  it("searches once what snapshots share", async () => {
    const contents = new TreeContents({
      r1: [directoryOf("big", "big"), file("a", "1")],
      r2: [directoryOf("big", "big"), file("a", "2")],
      big: [directoryOf("x", "x")],
      x: [file("f", "1")],
    })
    const snapshots = [snapshotOf("1", "r1"), snapshotOf("2", "r2"), snapshotOf("3", "r1")]
    expect(await versions(contents, snapshots, "f")).toEqual(["big/x/f 1 1..3 3"])
    expect(contents.listed).toEqual(["r1", "big", "x", "r2"])
  })

  it("with a thousand snapshots looks only at what changed", async () => {
    const many = Array.from({ length: 20_000 }, (_, at) => file(`file-${at}`, "same"))
    const contents = new TreeContents((id) =>
      id === "many" ? many : [directoryOf("d", "many"), file("f", `${Math.floor(Number(id) / 100)}`)],
    )
    const snapshots = Array.from({ length: 1_000 }, (_, at) => snapshotOf(at.toString(16), String(at)))
    const rows = await versions(contents, snapshots, "f*")
    expect(rows).toHaveLength(20_010)
    expect(rows).toContain("d/file-19999 1 0..3e7 1000")
    expect(rows.filter((row) => row.startsWith("f "))).toHaveLength(10)
  })

  it("is given up when more fits than can be kept", async () => {
    const endless = new TreeContents((id) =>
      Number(id) === 40
        ? [file("f", "a")]
        : ["a", "b"].map((name) => directoryOf(name, String(Number(id) + 1))),
    )
    // 2^40 paths, 41 directories.
    const find = versions(endless, [snapshotOf("1", "0")], "f")
    await expect(find).rejects.toMatchObject({ code: "unsupported" })
    expect(endless.listed).toHaveLength(41)
    await expect(inTree(endless, "0", "f", { mostEntries: 10_000 })).rejects.toMatchObject({
      code: "unsupported",
    })
    const limited = versions(endless, [snapshotOf("1", "0")], "g", { mostEntries: 20 })
    await expect(limited).rejects.toMatchObject({ code: "unsupported" })
  })

  it("is found 10,000 levels deep", async () => {
    const deep = new TreeContents((id) =>
      Number(id) === 10_000 ? [file("f", "a")] : [directoryOf("d", String(Number(id) + 1))],
    )
    const [row = ""] = await versions(deep, [snapshotOf("1", "0")], "f")
    expect(row.length).toBeGreaterThan(20_000)
    expect((await inTree(deep, "0", "f"))[0]).toHaveLength(20_001)
  })

  it("ends when somebody cancels", async () => {
    const reason = new Error("enough")
    const contents = new TreeContents({ r1: [] })
    const find = versions(contents, [snapshotOf("1", "r1")], "f", { signal: AbortSignal.abort(reason) })
    await expect(find).rejects.toBe(reason)
  })
})
