import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type IdentitySummary, Summariser, type SummaryDelta } from "../../../server/catalog/summary.js"
import type { Engine, Listing, Snapshot, SourceSnapshots } from "../../../storage/index.js"

const SECOND = 1_000_000_000n

function snapshot(id: string, more: Partial<Snapshot> = {}): Snapshot {
  return {
    id,
    source: { user: "app", host: "media", paths: ["/data"] },
    start: 1_800_000_000n * SECOND,
    end: undefined,
    incomplete: undefined,
    root: `root of ${id}`,
    bytes: undefined,
    files: undefined,
    failedFiles: 0,
    tags: [],
    pins: [],
    description: "",
    ...more,
  }
}

function listing(snapshots: readonly Snapshot[], engine: Engine = "kopia"): Listing {
  const sorted = [...snapshots].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  return {
    engine,
    repositoryId: "id",
    fingerprint: "id",
    formatVersion: 3,
    depth: "contents",
    thorough: true,
    snapshots: sorted,
    snapshotCount: sorted.length,
    sources: sourcesOf(sorted),
    writers: [],
    notices: [],
    marks: [],
  }
}

/** As the readers group them: by everything that the engine records of a source. */
function sourcesOf(snapshots: readonly Snapshot[]): SourceSnapshots[] {
  const groups = new Map<string, Snapshot[]>()
  for (const one of snapshots) {
    const key = JSON.stringify(one.source)
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const signature = group.map(({ id }) => id).join("\n")
    return [{ source: first.source, signature, snapshots: () => group }]
  })
}

/** What the answering thread makes of a delta. */
function applied(known: ReadonlyMap<string, IdentitySummary>, { changed, removed }: SummaryDelta) {
  const identities = new Map(known)
  for (const group of removed) identities.delete(group)
  for (const { summary } of changed) identities.set(summary.identity, summary)
  return identities
}

function fromScratch(of: Listing): Map<string, IdentitySummary> {
  return applied(new Map(), new Summariser().delta(of))
}

const only = (snapshots: readonly Snapshot[], engine?: Engine): IdentitySummary => {
  const [summary, ...others] = fromScratch(listing(snapshots, engine)).values()
  if (summary === undefined || others.length > 0) throw new Error("not one identity")
  return summary
}

describe("the summary of an identity", () => {
  it("counts its snapshots and its complete ones, and names the newest and oldest of these", () => {
    const snapshots = [1n, 2n, 3n].map((day) => snapshot(`s${day}`, { start: day * 86_400n * SECOND }))
    const last = snapshot("checkpoint", { start: 4n * 86_400n * SECOND, incomplete: "checkpoint" })
    expect(only([...snapshots, last])).toMatchObject({
      identity: "app@media:/data",
      snapshots: 4,
      complete: 3,
      newest: [{ id: "checkpoint" }],
      newestComplete: { id: "s3" },
      oldestComplete: { id: "s1" },
    })
  })

  it("names all that began in the last second, because a mover may take any of them", () => {
    const at = 1_800_000_000n * SECOND
    const [before, early, late] = [at - 1n, at, at + SECOND - 1n].map((start, i) =>
      snapshot(`s${i}`, { start }),
    )
    const { newest } = only([before, early, late].flatMap((one) => one ?? []))
    expect(newest.map(({ id }) => id).sort()).toEqual(["s1", "s2"])
  })

  it("of restic keeps a snapshot apart that a tag makes look like another path's", () => {
    const tagged = snapshot("tagged", {
      source: { user: "root", host: "volsync", paths: ["/other"] },
      tags: ["/data"],
    })
    const plain = snapshot("plain", { source: { user: "root", host: "volsync", paths: ["/other"] } })
    expect([...fromScratch(listing([tagged, plain], "restic")).keys()]).toEqual([
      "volsync:/other tagged /data",
      "volsync:/other",
    ])
  })
})

describe("a delta", () => {
  it("is empty when nothing changed", () => {
    const summariser = new Summariser()
    summariser.delta(listing([snapshot("one")]))
    expect(summariser.delta(listing([snapshot("one")]))).toEqual({ changed: [], removed: [] })
  })

  it("applied to what was known gives what a look from nothing gives, whatever happened in between", () => {
    const one = fc.record({
      number: fc.nat(30),
      user: fc.constantFrom("app", "db", "web"),
      path: fc.constantFrom("/data", "/other"),
      second: fc.nat(5),
      incomplete: fc.constantFrom(undefined, undefined, "checkpoint"),
    })
    const generation = fc.uniqueArray(one, { selector: ({ number }) => number, maxLength: 12 })
    fc.assert(
      fc.property(fc.array(generation, { minLength: 1, maxLength: 6 }), (generations) => {
        const summariser = new Summariser()
        let known: ReadonlyMap<string, IdentitySummary> = new Map()
        for (const snapshots of generations) {
          const now = listing(
            snapshots.map(({ number, user, path, second, incomplete }) =>
              // An engine's id stands for everything about a snapshot.
              snapshot([number, user, path, second, incomplete].join(" "), {
                source: { user, host: "media", paths: [path] },
                start: BigInt(second) * SECOND,
                incomplete,
              }),
            ),
          )
          known = applied(known, summariser.delta(now))
          expect(new Map([...known].sort())).toEqual(new Map([...fromScratch(now)].sort()))
        }
      }),
    )
  })
})
