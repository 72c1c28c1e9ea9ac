import { createHash } from "node:crypto"
import { statSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseTime } from "../../../storage/instant.js"
import type { Listing } from "../../../storage/repository.js"
import { fixture, fixtureNames } from "../../support/fixtures.js"
import {
  directoryOf,
  type ExpectedRepository,
  type ExpectedSnapshot,
  open,
  resticFixtures,
} from "./restic-fixtures.js"

const opened = new Set<string>()

const digest = (lines: Iterable<string>) =>
  createHash("sha256")
    .update([...new Set(lines)].sort().join("\n"))
    .digest("hex")

function asListed(snapshot: ExpectedSnapshot) {
  return {
    id: snapshot.id,
    source: { user: snapshot.username ?? "", host: snapshot.hostname ?? "", paths: snapshot.paths },
    start: parseTime(snapshot.time).instant,
    end: snapshot.summary === undefined ? undefined : parseTime(snapshot.summary.backup_end).instant,
    incomplete: undefined,
    root: snapshot.tree,
    bytes: snapshot.summary?.total_bytes_processed,
    files: snapshot.summary?.total_files_processed,
    failedFiles: 0,
    tags: [...(snapshot.tags ?? [])].sort(),
    pins: [],
    description: "",
  }
}

/** The record holds all snapshots, or of very many the first ones and a digest over all ids. */
function expectSnapshots(listing: Listing, expected: ExpectedRepository): void {
  const listed = new Map(listing.snapshots.map((snapshot) => [snapshot.id, snapshot]))
  expect(listing.snapshots).toHaveLength(expected.counts.snapshots)
  expect(digest(listed.keys())).toBe(expected.digests.snapshots)
  expect(expected.snapshots.length).toBeGreaterThanOrEqual(Math.min(40, expected.counts.snapshots))
  for (const snapshot of expected.snapshots) expect(listed.get(snapshot.id)).toEqual(asListed(snapshot))
  const starts = listing.snapshots.map(({ start }) => start)
  expect(starts).toEqual([...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
}

describe("every repository that restic wrote", () => {
  for (const one of resticFixtures()) {
    describe(one.name, () => {
      const { expected } = one
      const repository = () => open(directoryOf(one), expected.password)
      let listing: Listing

      beforeAll(async () => {
        listing = await repository().list()
        opened.add(one.fixture)
      })

      it("lists exactly what restic lists", () => {
        expect(listing.depth).toBe("contents")
        expectSnapshots(listing, expected)
      })

      it("has the id and the version that restic sees", () => {
        expect(listing.repositoryId).toBe(expected.config.id)
        expect(listing.formatVersion).toBe(expected.config.version)
        expect(listing.fingerprint).toMatch(/^[0-9a-f]{64}$/)
      })

      it("shows the locks that restic shows", () => {
        const locks = expected.locks.map(({ id, time, exclusive, hostname, username }) => {
          const written = parseTime(time).instant
          const { mtimeNs } = statSync(join(directoryOf(one), "locks", id), { bigint: true })
          const lastSeen = written > mtimeNs ? written : mtimeNs
          return { id, user: username, host: hostname, lastSeen, exclusive }
        })
        expect(listing.writers).toEqual(locks.sort((a, b) => (a.id < b.id ? -1 : 1)))
        expect(listing.notices).toEqual([])
      })

      it("reads the index files, packs and blobs that restic counts", async () => {
        const indexes = await repository().readIndexes()
        expect(digest(indexes.map(({ id }) => id))).toBe(expected.digests.index)
        const packs = indexes.flatMap((index) => index.packs)
        const indexed = new Set(packs.map(({ id }) => id)).size
        // What a backup that was killed had written is in no index; restic's count of packs has it.
        if (expected.counts.locks === 0) expect(indexed).toBe(expected.counts.packs)
        else expect(indexed).toBeLessThanOrEqual(expected.counts.packs)
        const blobs = packs.flatMap((pack) => pack.blobs)
        expect(blobs).toHaveLength(expected.counts.blobs)
        for (const pack of packs) {
          // Sealed blobs, then a header entry of 37 or 41 bytes each, a seal and the header's length (§7).
          const length = pack.blobs.reduce(
            (sum, blob) => sum + blob.length + (blob.plainLength === undefined ? 37 : 41),
            36,
          )
          const file = join(directoryOf(one), "data", pack.id.slice(0, 2), pack.id)
          expect(statSync(file).size).toBe(length)
        }
      })

      it("lists the same snapshots by name alone without the password", async () => {
        const names = await open(directoryOf(one)).list()
        expect(names).toMatchObject({ depth: "names", repositoryId: "", fingerprint: listing.fingerprint })
        expect(digest(names.snapshots.map(({ id }) => id))).toBe(expected.digests.snapshots)
        for (const { id, start, bytes, source } of names.snapshots) {
          const file = join(directoryOf(one), "snapshots", id)
          expect(start).toBe(statSync(file, { bigint: true }).mtimeNs)
          expect(bytes).toBeUndefined()
          expect(source).toEqual({ user: "", host: "", paths: [] })
        }
        expect(names.writers.map(({ id }) => id)).toEqual(listing.writers.map(({ id }) => id))
        expect(names.writers.every(({ exclusive }) => exclusive === undefined)).toBe(true)
      })

      it("refuses a wrong password", async () => {
        await expect(open(directoryOf(one), `${expected.password} `).list()).rejects.toMatchObject({
          code: "wrong_password",
          facts: { keys: expected.counts.keys, tried: expected.counts.keys },
        })
      })
    })
  }

  it("opens the repository of two keys with either password", async () => {
    const directory = fixture("restic/two-keys")
    const first = await open(directory, "first password").list()
    const second = await open(directory, "zweites Paßwort").list()
    expect(second).toEqual(first)
  })

  it("takes a newline at the end of a password for part of it", async () => {
    const directory = join(fixture("restic/movers"), "databases/postgres")
    await expect(open(directory, "ends with a newline").list()).rejects.toMatchObject({
      code: "wrong_password",
    })
  })

  afterAll(() => {
    // A fixture that no test opens proves nothing.
    expect([...opened].sort()).toEqual(fixtureNames("restic").sort())
  })
})
