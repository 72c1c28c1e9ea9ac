import { mkdirSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { VolatileBlobMemory } from "../../../storage/blobs/index.js"
import type { Listing } from "../../../storage/repository.js"
import { openRestic, type ResticRepository } from "../../../storage/restic/index.js"
import { Secret } from "../../../storage/secret.js"
import { scratch } from "../../support/fixtures.js"
import { type SyntheticRestic, writeSyntheticRestic } from "../../support/synthetic-restic.js"
import { FaultyTree } from "./faulty-tree.js"

// What a refresh believes of files that it knows, and what makes it look again. A name of restic's is the hash of what it
// names, so that the memory of a known name is right whatever becomes of the file; that the file is damaged has to be noticed.

interface Subject {
  readonly made: SyntheticRestic
  readonly files: FaultyTree
  readonly repository: ResticRepository
  readonly file: (id: string) => string
}

async function listed(snapshots = 40, locked = false): Promise<Subject> {
  const directory = scratch()
  const made = writeSyntheticRestic(directory, { password: "known", snapshots })
  const files = new FaultyTree(directory)
  const secret = locked ? undefined : new Secret("known")
  const repository = openRestic({ files, password: secret, memory: new VolatileBlobMemory() })
  await repository.list()
  files.looks.length = files.reads.length = 0
  return { made, files, repository, file: (id) => join(directory, "snapshots", id) }
}

const inSnapshots = (paths: readonly string[]) => paths.filter((path) => path.startsWith("snapshots/"))
const ids = ({ snapshots }: Listing) => snapshots.map(({ id }) => id)

function oneOf({ made }: Subject, index = 7): string {
  const snapshot = made.snapshots[index]
  if (snapshot === undefined) throw new Error("too few snapshots")
  return snapshot.id
}

describe("a listing after file events", () => {
  for (const locked of [false, true]) {
    it(`looks at and reads the new snapshot alone, ${locked ? "without" : "with"} the password`, async () => {
      const { made, files, repository } = await listed(40, locked)
      const { id } = made.appendSnapshot()
      const listing = await repository.list({ changed: [`snapshots/${id}`] })
      expect(listing.snapshotCount).toBe(41)
      expect(ids(listing)).toContain(id)
      expect(listing.thorough).toBe(false)
      expect(inSnapshots(files.looks)).toEqual([`snapshots/${id}`])
      expect(inSnapshots(files.reads)).toEqual([`snapshots/${id}`])
    })
  }

  it("finds a new snapshot that no event told of, and misses one that is gone", async () => {
    const subject = await listed()
    const { id } = subject.made.appendSnapshot()
    const gone = oneOf(subject)
    rmSync(subject.file(gone))
    const listing = await subject.repository.list({ changed: [] })
    expect(ids(listing)).toContain(id)
    expect(ids(listing)).not.toContain(gone)
    expect(listing.snapshotCount).toBe(40)
  })

  it("says what a listing from nothing says, whatever came and went between", async () => {
    const { made, files, repository, file } = await listed(5)
    const left = made.snapshots.map(({ id }) => id)
    for (let round = 0; round < 30; round++) {
      if (round % 3 < 2) {
        // Between the others, before and after them.
        const time = new Date(Date.parse("2026-10-31T23:30:00Z") + ((round * 7) % 11) * 3_600_000)
        left.push(made.appendSnapshot({ time }).id)
      }
      if (round % 4 === 3) {
        const [gone = ""] = left.splice((round * 5) % left.length, 1)
        rmSync(file(gone))
      }
      if (round === 10) writeFileSync(join(files.location, "snapshots", "notes.txt"), "")
      const listing = await repository.list({ changed: [] })
      const anew = await openRestic({ files, password: new Secret("known") }).list()
      expect(listing.snapshots).toEqual(anew.snapshots)
      expect(listing.sources.map((source) => source.snapshots())).toEqual(
        anew.sources.map((source) => source.snapshots()),
      )
      expect(listing.notices).toEqual(anew.notices)
      expect([...ids(listing)].sort()).toEqual([...left].sort())
    }
  })

  it("reads config and the keys all the same", async () => {
    const { files, repository } = await listed()
    await repository.list({ changed: [] })
    expect(files.reads.map((path) => path.replace(/\/.*/, ""))).toEqual(["config", "keys"])
  })
})

describe("a known snapshot file that was cut short", () => {
  it("is damage where an event told of it", async () => {
    const subject = await listed()
    const id = oneOf(subject)
    truncateSync(subject.file(id), 10)
    await expect(subject.repository.list({ changed: [`snapshots/${id}`] })).rejects.toMatchObject({
      code: "corrupt",
      facts: { file: `snapshots/${id}` },
    })
  })

  it("is damage to every listing that looks at all files, and is believed until then", async () => {
    const subject = await listed()
    const id = oneOf(subject)
    truncateSync(subject.file(id), 10)
    expect(ids(await subject.repository.list({ changed: [] }))).toContain(id)
    for (let look = 0; look < 2; look++)
      await expect(subject.repository.list()).rejects.toMatchObject({ code: "corrupt" })
  })

  it("stays damage after a listing that failed, also for one that could believe", async () => {
    const subject = await listed()
    truncateSync(subject.file(oneOf(subject)), 10)
    await expect(subject.repository.list()).rejects.toMatchObject({ code: "corrupt" })
    await expect(subject.repository.list({ changed: [] })).rejects.toMatchObject({ code: "corrupt" })
  })

  it("is found by the first listing that could believe, after one that failed of something else", async () => {
    const subject = await listed()
    const { files, repository } = subject
    const config = join(files.location, "config")
    renameSync(config, `${config}.away`)
    await expect(repository.list({ changed: ["config"] })).rejects.toMatchObject({ code: "corrupt" })
    renameSync(`${config}.away`, config)
    truncateSync(subject.file(oneOf(subject)), 10)
    await expect(repository.list({ changed: [] })).rejects.toMatchObject({ code: "corrupt" })
  })
})

describe("a known snapshot file that was replaced", () => {
  for (const told of [true, false]) {
    const how = told ? "where an event told of it" : "to a listing that looks at all files"
    const changed = (file: string) => (told ? { changed: [file] } : {})

    it(`by other bytes of the same length is damage ${how}`, async () => {
      const subject = await listed()
      const file = `snapshots/${oneOf(subject)}`
      const { length = 0 } = (await subject.files.stat(file)) ?? {}
      rmSync(subject.file(oneOf(subject)))
      writeFileSync(subject.file(oneOf(subject)), "x".repeat(length))
      await expect(subject.repository.list(changed(file))).rejects.toMatchObject({
        code: "corrupt",
        facts: { file },
      })
    })

    it(`by a directory is damage ${how}`, async () => {
      const subject = await listed()
      const file = `snapshots/${oneOf(subject)}`
      rmSync(subject.file(oneOf(subject)))
      mkdirSync(subject.file(oneOf(subject)))
      await expect(subject.repository.list(changed(file))).rejects.toMatchObject({
        code: "corrupt",
        facts: { file },
      })
    })
  }

  it("by itself, with another time, is read once more and keeps its snapshot", async () => {
    const subject = await listed()
    const id = oneOf(subject)
    utimesSync(subject.file(id), new Date(), new Date())
    const listing = await subject.repository.list()
    expect(listing.snapshotCount).toBe(40)
    expect(inSnapshots(subject.files.reads)).toEqual([`snapshots/${id}`])
  })
})

describe("sources", () => {
  it("stay the same objects while nothing of them changes", async () => {
    const { made, repository } = await listed()
    const [before] = (await repository.list()).sources
    expect((await repository.list({ changed: [] })).sources[0]).toBe(before)
    made.appendSnapshot()
    const [after] = (await repository.list({ changed: [] })).sources
    expect(after).not.toBe(before)
    expect(after?.signature).not.toBe(before?.signature)
    expect([before?.snapshots().length, after?.snapshots().length]).toEqual([40, 41])
  })
})

describe("two listings at once", () => {
  it("are made one after the other", async () => {
    const { made, repository } = await listed()
    made.appendSnapshot()
    const listings = await Promise.all([
      repository.list({ changed: [] }),
      repository.list(),
      repository.list(),
    ])
    expect(listings.map(({ snapshotCount }) => snapshotCount)).toEqual([41, 41, 41])
    expect(listings.map(({ thorough }) => thorough)).toEqual([false, true, true])
  })
})
