import { describe, expect, it } from "vitest"
import { formatInstant } from "../../../storage/instant.js"
import type { Snapshot } from "../../../storage/repository.js"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
import { open, passwordOf, placeIn } from "./open.js"

/** The parts of `kopia snapshot list --all --json` that a listing carries. */
interface ListedByKopia {
  readonly id: string
  readonly source: { readonly host: string; readonly userName: string; readonly path: string }
  readonly description: string
  readonly startTime: string
  readonly endTime: string
  readonly incomplete?: string
  readonly stats: { readonly totalSize: number; readonly errorCount: number }
  readonly rootEntry: {
    readonly type: string
    readonly obj: string
    readonly size?: number
    readonly summ?: { readonly size: number; readonly files: number; readonly numFailed: number }
  }
  readonly tags?: Readonly<Record<string, string>>
  readonly pins?: readonly string[]
}

interface PolicyOfKopia {
  readonly id: string
  readonly target: { readonly host: string; readonly userName: string; readonly path: string }
  readonly retention: Readonly<Record<string, number | boolean>>
}

interface Expected {
  readonly repositoryStatus: {
    readonly uniqueIDHex: string
    readonly contentFormat: { readonly version: number }
  }
  readonly counts: { readonly snapshots: number; readonly incomplete: number; readonly pinned: number }
  readonly sources: readonly {
    readonly source: string
    readonly snapshots: number
    readonly complete: number
  }[]
  readonly snapshotList: readonly ListedByKopia[]
  readonly policies: readonly PolicyOfKopia[]
}

const opened = new Set<string>()

describe("a list of snapshots is what kopia says", () => {
  it.each(fixtureNames("kopia"))("%s", async (name) => {
    opened.add(name)
    const expected = expectedOf(name) as unknown as Expected
    const repository = open(placeIn(name, fixture(name)), passwordOf(name))
    const listing = await repository.list()

    expect(listing.repositoryId).toBe(expected.repositoryStatus.uniqueIDHex)
    expect(listing.formatVersion).toBe(expected.repositoryStatus.contentFormat.version)
    expect(listing.snapshots).toHaveLength(expected.counts.snapshots)
    expect(listing.snapshots.filter(({ incomplete }) => incomplete !== undefined)).toHaveLength(
      expected.counts.incomplete,
    )
    expect(listing.snapshots.filter(({ pins }) => pins.length > 0)).toHaveLength(expected.counts.pinned)
    expect(sourcesIn(listing.snapshots)).toEqual(
      expected.sources.map(({ source, snapshots, complete }) => `${source} ${snapshots} ${complete}`).sort(),
    )

    // `many` records the first forty of its three thousand; everything else records all.
    const byId = new Map(listing.snapshots.map((snapshot) => [snapshot.id, snapshot]))
    const wanted = expected.snapshotList.map(asKopiaListed)
    expect(wanted.map(({ id }) => byId.get(id)).map((found) => found && asRead(found))).toEqual(wanted)

    const starts = listing.snapshots.map(({ start }) => start)
    expect(starts).toEqual([...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
    expect(
      repository
        .policies()
        .map(({ id, target, retention }) => ({ id, target, retention }))
        .sort(byIdOf),
    ).toEqual(expected.policies.map(asStoredPolicy).sort(byIdOf))
    expect(listing.notices).toEqual([])
  })

  it("covers every fixture there is", () => {
    expect([...opened].sort()).toEqual(fixtureNames("kopia").sort())
  })
})

function sourcesIn(snapshots: readonly Snapshot[]): string[] {
  const all = new Map<string, { total: number; complete: number }>()
  for (const { source, incomplete } of snapshots) {
    const name = `${source.user}@${source.host}:${source.paths.join()}`
    const count = all.get(name) ?? { total: 0, complete: 0 }
    count.total++
    if (incomplete === undefined) count.complete++
    all.set(name, count)
  }
  return [...all].map(([name, { total, complete }]) => `${name} ${total} ${complete}`).sort()
}

function asKopiaListed(listed: ListedByKopia) {
  const { summ, size, type, obj } = listed.rootEntry
  return {
    id: listed.id,
    source: { user: listed.source.userName, host: listed.source.host, paths: [listed.source.path] },
    start: listed.startTime,
    end: listed.endTime,
    incomplete: listed.incomplete,
    root: obj,
    bytes: summ?.size ?? size,
    files: type === "f" ? 1 : summ?.files,
    failedFiles: summ?.numFailed ?? listed.stats.errorCount,
    tags: Object.entries(listed.tags ?? {})
      .map(([key, value]) => `${key.replace(/^tag:/, "")}:${value}`)
      .sort(),
    pins: listed.pins ?? [],
    description: listed.description,
  }
}

function asRead(snapshot: Snapshot) {
  return {
    ...snapshot,
    start: formatInstant(snapshot.start),
    end: snapshot.end === undefined ? undefined : formatInstant(snapshot.end),
  }
}

function asStoredPolicy({ id, target, retention }: PolicyOfKopia) {
  return {
    id,
    target: { user: target.userName, host: target.host, path: target.path },
    retention: Object.fromEntries(Object.entries(retention).filter(([name]) => name.startsWith("keep"))),
  }
}

function byIdOf(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
