import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { scratch } from "./fixtures.js"
import { findProgram, RealKopia, runRestic } from "./programs.js"
import { type SyntheticSnapshot, writeSyntheticKopia } from "./synthetic-kopia.js"
import { REAL_COST, type SyntheticResticSnapshot, writeSyntheticRestic } from "./synthetic-restic.js"

/** The digest of every name and byte below a directory. */
function digestOf(directory: string): string {
  const script = "find . -type f | sort | xargs sha256sum | sha256sum"
  return execFileSync("sh", ["-c", script], { cwd: directory, encoding: "utf8" })
}

const kopia = findProgram("kopia")

describe("a synthetic Kopia repository", () => {
  it("is the same, byte for byte, for the same seed", () => {
    const options = { password: "secret", snapshots: 12, identities: 4, seed: "a" }
    const [one, two, other] = [scratch(), scratch(), scratch()]
    writeSyntheticKopia(one, options)
    writeSyntheticKopia(two, options)
    writeSyntheticKopia(other, { ...options, seed: "b" })
    expect(digestOf(one)).toBe(digestOf(two))
    expect(digestOf(other)).not.toBe(digestOf(one))
  })

  it("places its blobs by the folder lengths asked for", () => {
    const deep = writeSyntheticKopia(scratch(), {
      password: "x",
      snapshots: 1,
      identities: 1,
      shards: [3, 3],
    })
    expect(deep.blobPath("p0123abcd0123456789abcdef")).toBe(
      join(deep.directory, "p01", "23a", "bcd0123456789abcdef.f"),
    )
    expect(deep.blobPath("kopia.repository")).toBe(join(deep.directory, "kopia.repository.f"))
  })

  const list = (repository: RealKopia) =>
    (
      JSON.parse(repository.run("snapshot", "list", "--all", "--json")) as {
        id: string
        source: { host: string; userName: string; path: string }
        startTime: string
        rootEntry: { obj: string }
        incomplete?: string
      }[]
    )
      .map(({ id, source, startTime, rootEntry, incomplete }) => ({
        id,
        source: `${source.userName}@${source.host}:${source.path}`,
        start: new Date(startTime).getTime(),
        root: rootEntry.obj,
        incomplete,
      }))
      .sort((a, b) => a.id.localeCompare(b.id))
  const written = (snapshots: readonly SyntheticSnapshot[], incomplete?: string) =>
    snapshots.map(({ id, identity, start, root }) => ({
      id,
      source: `${identity.user}@${identity.host}:${identity.path}`,
      start: start.getTime(),
      root,
      incomplete,
    }))
  const sorted = (snapshots: ReturnType<typeof written>) => snapshots.sort((a, b) => a.id.localeCompare(b.id))

  it.skipIf(kopia === undefined)("is what the real kopia lists, verifies and reads in full", () => {
    if (kopia === undefined) return
    const made = writeSyntheticKopia(scratch(), {
      password: "pässword",
      snapshots: 500,
      identities: 40,
      indexBlobs: 3,
      manifestContents: 5,
      keyAlgorithm: "pbkdf2-sha256-600000",
    })
    const real = new RealKopia(kopia, made.directory, "pässword", scratch())
    expect(list(real)).toEqual(sorted(written(made.snapshots)))
    real.run("snapshot", "verify", "--verify-files-percent=100")
    real.run("content", "verify", "--full")
  })

  it.skipIf(kopia === undefined)("shows the real kopia what is appended and removed", () => {
    if (kopia === undefined) return
    const made = writeSyntheticKopia(scratch(), { password: "x", snapshots: 3, identities: 2, shards: [] })
    const identity = { user: "new", host: "ns", path: "/data" }
    const appended = made.appendSnapshot(identity)
    const incomplete = made.appendSnapshot(identity, { incomplete: "checkpoint" })
    const [removed, ...kept] = made.snapshots
    if (removed === undefined) throw new Error("three snapshots were asked for")
    made.removeSnapshot(removed.id)
    made.openSession(identity)

    const real = new RealKopia(kopia, made.directory, "x", scratch())
    expect(list(real)).toEqual(
      sorted([...written([...kept, appended]), ...written([incomplete], "checkpoint")]),
    )
    expect(real.run("session", "list")).toContain("new@ns")
    real.run("snapshot", "verify", "--verify-files-percent=100")
  })

  it.skipIf(kopia === undefined)("may name more packs than sixteen bits can number", () => {
    if (kopia === undefined) return
    const made = writeSyntheticKopia(scratch(), {
      password: "x",
      snapshots: 20,
      identities: 5,
      packsMentioned: 70_000,
    })
    expect(list(new RealKopia(kopia, made.directory, "x", scratch()))).toHaveLength(20)
  })
})

describe("a synthetic restic repository", () => {
  const listed = (repository: string, password: string) =>
    (
      JSON.parse(runRestic(repository, password, "snapshots", "--json")) as {
        id: string
        time: string
        tree: string
        hostname: string
        paths: string[]
      }[]
    ).map(({ id, time, tree, hostname, paths }) => ({ id, time: new Date(time), tree, hostname, paths }))
  const written = (snapshots: readonly SyntheticResticSnapshot[]) =>
    snapshots.map((snapshot) => ({ ...snapshot, hostname: "volsync", paths: ["/data"] }))

  it("is the same, byte for byte, for the same seed", () => {
    const options = { password: "secret", snapshots: 5, seed: "a" }
    const [one, two] = [scratch(), scratch()]
    writeSyntheticRestic(one, options)
    writeSyntheticRestic(two, options)
    expect(digestOf(one)).toBe(digestOf(two))
  })

  for (const version of [1, 2] as const)
    it(`of version ${version} is what the real restic lists and checks`, () => {
      const made = writeSyntheticRestic(scratch(), { password: "pässword\n", snapshots: 20, version })
      const config = JSON.parse(runRestic(made.directory, "pässword\n", "cat", "config")) as object
      expect(config).toMatchObject({ version, id: made.id })
      expect(listed(made.directory, "pässword\n")).toEqual(written(made.snapshots))
      expect(runRestic(made.directory, "pässword\n", "check", "--read-data")).toContain(
        "no errors were found",
      )
    })

  it("shows the real restic what is appended, removed and locked", () => {
    const made = writeSyntheticRestic(scratch(), { password: "x", snapshots: 3, cost: REAL_COST })
    const appended = made.appendSnapshot()
    const [removed, ...kept] = made.snapshots
    if (removed === undefined) throw new Error("three snapshots were asked for")
    made.removeSnapshot(removed.id)
    expect(listed(made.directory, "x")).toEqual(written([...kept, appended]))
    expect(runRestic(made.directory, "x", "check", "--read-data")).toContain("no errors were found")

    const lock = made.lock({ exclusive: true })
    expect(runRestic(made.directory, "x", "--no-lock", "list", "locks").trim()).toBe(lock.id)
    expect(() => runRestic(made.directory, "x", "snapshots")).toThrow("already locked exclusively")
    lock.release()
    expect(listed(made.directory, "x")).toHaveLength(3)
  })
})
