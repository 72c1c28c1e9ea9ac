import { describe, expect, it } from "vitest"
import { type Impact, impactOf } from "../../../storage/impact/index.js"
import { MadeUpContents, snapshotOf } from "./made-up.js"

const isLost = (content: string) => content.startsWith("lost") || content.startsWith("klost")

function pathsOf({ snapshots }: Impact): string[] {
  return snapshots.flatMap(({ snapshot, paths }) =>
    paths.map(({ path, reason }) => `${snapshot.root ?? ""}: ${Buffer.from(path).toString()} ${reason}`),
  )
}

describe("what a loss costs", () => {
  it("is named in the order of the tree, and nothing that is whole", async () => {
    const contents = new MadeUpContents({
      k1: { a: "aa", b: "lost1", c: "k2", d: "klost", e: "k3" },
      k2: { x: "lost2", y: "k3", z: "lost1" },
      k3: { whole: "aa" },
    })
    const impact = await impactOf(contents, [snapshotOf("k1"), snapshotOf("k3"), snapshotOf("k2")], isLost)
    expect(pathsOf(impact)).toEqual([
      "k1: b lost",
      "k1: c/x lost",
      "k1: c/z lost",
      "k1: d lost",
      "k2: x lost",
      "k2: z lost",
    ])
    expect(impact.snapshots.map(({ walked }) => walked)).toEqual([false, true])
    expect(contents.listed).not.toContain("klost")
  })

  it("reads a directory once to find out, and once more to name, whatever the number of snapshots that have it", async () => {
    const roots = Array.from({ length: 500 }, (_, at) => `k-root-${at}`)
    const contents = new MadeUpContents((id) =>
      id.startsWith("k-root") ? { same: "k-same", own: id.slice(1) } : { deep: "lost" },
    )
    const impact = await impactOf(
      contents,
      roots.map((root) => snapshotOf(root)),
      isLost,
    )
    expect(impact.snapshots).toHaveLength(500)
    expect(impact.directories).toBe(501)
    expect(contents.listed.filter((id) => id === "k-same")).toHaveLength(2)
    expect(contents.listed).toHaveLength(2 * 501)
  })

  it("is found 10,000 levels deep", async () => {
    const contents = new MadeUpContents((id) => {
      const level = Number(id.slice(1))
      return level === 10_000 ? { end: "lost" } : { d: `k${level + 1}` }
    })
    const { snapshots } = await impactOf(contents, [snapshotOf("k0")], isLost)
    expect(Buffer.from(snapshots[0]?.paths[0]?.path ?? []).toString()).toBe("d/".repeat(10_000) + "end")
  })

  it("is counted, and named up to a limit, where more paths lead to it than anybody could walk", async () => {
    const names = Array.from({ length: 100 }, (_, at) => `n${at}`)
    const contents = new MadeUpContents((id) => {
      const level = Number(id.slice(1))
      return Object.fromEntries(names.map((name) => [name, level === 30 ? "lost" : `k${level + 1}`]))
    })
    const { snapshots, directories } = await impactOf(contents, [snapshotOf("k0")], isLost, { most: 250 })
    expect(directories).toBe(31)
    expect(snapshots[0]?.paths).toHaveLength(250)
    expect(new Set(snapshots[0]?.paths.map(({ path }) => Buffer.from(path).toString())).size).toBe(250)
    expect(snapshots[0]?.beyond).toBe(0xffff_ffff - 250)
  })

  it("does not lose itself where only paths that are too long lead to it", async () => {
    const names = Array.from({ length: 50 }, (_, at) => String(at).padStart(250, "n"))
    const contents = new MadeUpContents((id) => {
      const level = Number(id.slice(1))
      if (level === 4300) return { end: "lost" }
      return Object.fromEntries(
        (level < 4100 ? names.slice(0, 1) : names).map((name) => [name, `k${level + 1}`]),
      )
    })
    const { snapshots } = await impactOf(contents, [snapshotOf("k0")], isLost)
    expect(snapshots[0]?.paths).toEqual([])
    expect(snapshots[0]?.beyond).toBe(0xffff_ffff)
  })

  it("is told apart from what cannot be read for another reason", async () => {
    const contents = new MadeUpContents({ k1: { a: "k-rotten", b: "aa" }, k2: { a: "k-rotten", b: "lost" } })
    const impact = await impactOf(
      contents,
      [snapshotOf("k1"), snapshotOf("k2"), snapshotOf("k-rotten")],
      isLost,
    )
    expect(pathsOf(impact)).toEqual(["k1: a corrupt", "k2: a corrupt", "k2: b lost", "k-rotten:  corrupt"])
    expect(impact.snapshots.map(({ reasons }) => [...reasons].sort())).toEqual([
      ["corrupt"],
      ["corrupt", "lost"],
      ["corrupt"],
    ])
    expect(impact.snapshots.every(({ walked }) => !walked)).toBe(true)
  })

  it("names no more than is wanted, of one snapshot and of all, and counts the rest", async () => {
    const contents = new MadeUpContents((id) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${id}-${at}`, "lost"])),
    )
    const impact = await impactOf(
      contents,
      ["k1", "k2", "k3"].map((root) => snapshotOf(root)),
      isLost,
      { most: 8, mostInAll: 13 },
    )
    expect(impact.snapshots.map(({ paths, beyond }) => [paths.length, beyond])).toEqual([
      [8, 12],
      [5, 15],
      [0, 20],
    ])
  })

  it("of a single file is the file itself", async () => {
    const { snapshots } = await impactOf(
      new MadeUpContents({}),
      [snapshotOf("lost1"), snapshotOf("aa")],
      isLost,
    )
    expect(snapshots).toMatchObject([{ walked: true, paths: [{ kind: "file", reason: "lost" }], beyond: 0 }])
  })

  it("is not asked of snapshots that are gone themselves", async () => {
    const contents = new MadeUpContents({ k1: { a: "lost" } })
    const [one, other] = [snapshotOf("k1"), snapshotOf("k2")]
    const impact = await impactOf(contents, [one, other], isLost, { gone: new Set([other.id]) })
    expect(impact.snapshots.map(({ gone, paths }) => [gone, paths.length])).toEqual([
      [false, 1],
      [true, 0],
    ])
    expect(contents.listed).not.toContain("k2")
  })

  it("is given up when nobody waits for it any more", async () => {
    const stop = new AbortController()
    const contents = new MadeUpContents((id) => {
      const level = Number(id.slice(1))
      if (level === 50) stop.abort(new Error("enough"))
      return { d: `k${level + 1}` }
    })
    await expect(impactOf(contents, [snapshotOf("k0")], isLost, { signal: stop.signal })).rejects.toThrow(
      "enough",
    )
    expect(contents.listed.length).toBeLessThan(60)
  })
})

describe("of every source that loses something, the newest good snapshot", () => {
  const contents = new MadeUpContents({ kBad: { a: "lost" }, kGood: { a: "aa" } })

  it("is the newest complete one that loses nothing", async () => {
    const [old, good, bad, checkpoint] = [
      snapshotOf("kGood"),
      snapshotOf("kGood"),
      snapshotOf("kBad"),
      snapshotOf("kGood", { incomplete: "checkpoint" }),
    ]
    // In any order.
    const { sources } = await impactOf(contents, [checkpoint, good, bad, old], isLost)
    expect(sources).toEqual([
      { source: good.source, damaged: 1, snapshots: 4, newest: checkpoint, newestGood: good },
    ])
  })

  it("is of that source, and there may be none", async () => {
    const other = { user: "other", host: "ns", paths: ["/data"] }
    const third = { user: "third", host: "ns", paths: ["/data"] }
    const bad = snapshotOf("kBad")
    const all = [
      bad,
      snapshotOf("kGood", { source: other }),
      snapshotOf("kBad", { source: third }),
      snapshotOf("kGood", { source: third }),
    ]
    const { sources } = await impactOf(contents, all, isLost)
    expect(sources.map(({ source, newestGood }) => [source.user, newestGood?.id])).toEqual([
      ["app", undefined],
      ["third", all[3]?.id],
    ])
  })

  it("is none that is gone itself", async () => {
    const [good, gone] = [snapshotOf("kGood"), snapshotOf("kGood")]
    const { sources } = await impactOf(contents, [good, gone], isLost, { gone: new Set([gone.id]) })
    expect(sources).toMatchObject([{ damaged: 1, newest: gone, newestGood: good }])
  })
})
