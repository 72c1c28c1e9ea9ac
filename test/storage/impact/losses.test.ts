import { createHash } from "node:crypto"
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { runRestic } from "../../support/programs.js"
import { writeSyntheticKopia } from "../../support/synthetic-kopia.js"
import { failure, passwordOf, placeIn } from "../kopia/open.js"
import { type Patient, patientAt, prognosisOf } from "./campaign.js"

function kopia(name: string, directory = fixture(name)): Promise<Patient> {
  return patientAt(placeIn(name, directory), passwordOf(name))
}

function restic(name: string, directory = fixture(name)): Promise<Patient> {
  return patientAt(directory, expectedOf(name).password as string)
}

describe("with a file of a Kopia repository", () => {
  let format3: Patient
  beforeAll(async () => {
    format3 = await kopia("kopia/format-3")
  })

  it("that opens it everything is lost", async () => {
    const loss = await format3.contents.contentsIn("kopia.repository.f")
    expect(loss).toMatchObject({ kind: "format", everything: true, stops: true, recovery: undefined })
    expect(loss.count).toBeGreaterThan(300)
    expect(loss.has("any")).toBe(true)
    const old = await kopia("kopia/format-1")
    expect((await old.contents.contentsIn("kopia.repository")).recovery).toContain("kopia repository repair")
    expect(await format3.contents.contentsIn("kopia.blobcfg")).toMatchObject({ everything: true })
  })

  it("that says how folders are cut everything is lost, unless they are cut as they are without it", async () => {
    const differs = await kopia("kopia/algo-aes-blake3-256")
    expect(await differs.contents.contentsIn(".shards")).toMatchObject({ everything: true })
    // [3, 3] and 20 characters.
    const same = await kopia("kopia/format-1")
    expect(await same.contents.contentsIn(".shards")).toMatchObject({ everything: false, count: 0 })
  })

  it("that tells of sessions or of what was done, nothing is lost", async () => {
    const [log] = filesBelow(format3.directory, /^_/)
    const repository = writeSyntheticKopia(scratch(), { password: "p", snapshots: 3, identities: 1 })
    const session = repository.openSession({ user: "u", host: "h" })
    const { contents } = await patientAt(repository.directory, "p")
    const [marker = ""] = filesBelow(repository.directory, /^s/).map((file) =>
      relative(repository.directory, file),
    )
    expect(await contents.contentsIn(marker)).toMatchObject({
      file: marker,
      kind: "other",
      count: 0,
      everything: false,
    })
    session.close()
    expect(await format3.contents.contentsIn(relative(format3.directory, log ?? ""))).toMatchObject({
      kind: "other",
      count: 0,
    })
  })

  it("that is an index and was superseded, nothing is lost; with one that counts, what no other tells of", async () => {
    for (const name of ["kopia/epochs", "kopia/format-1"]) {
      const patient = await kopia(name)
      const files = filesBelow(patient.directory, /^[xnm]/).map((file) => relative(patient.directory, file))
      const losses = await Promise.all(files.map((file) => patient.contents.contentsIn(file)))
      const counts = losses.map(({ count }) => count)
      expect(losses.every(({ kind }) => kind === "index")).toBe(true)
      expect(counts.filter((count) => count === 0).length, name).toBeGreaterThan(1)
      expect(counts.filter((count) => count > 0).length, name).toBeGreaterThan(0)
      for (const { count, recovery } of losses)
        expect(recovery?.includes("kopia index recover") ?? false).toBe(count > 0)
    }
  })

  it("that alone leads to where a content was moved, that content is lost, though an older index tells of it", async () => {
    const repository = writeSyntheticKopia(scratch(), { password: "p", snapshots: 3, identities: 1 })
    const index = repository.rewriteFile()
    const { loss, impact } = await prognosisOf(await patientAt(repository.directory, "p"), index)
    expect(loss).toMatchObject({ kind: "index", count: 1, snapshots: [] })
    expect(impact.snapshots.map(({ paths }) => paths.length)).toEqual([1, 1, 1])
  })

  it("that holds manifests, those snapshots are lost, and Kopia stops", async () => {
    const loss = await format3.contents.contentsIn("q0a563")
    expect(loss).toMatchObject({ kind: "pack", stops: true, everything: false })
    expect(loss.snapshots).toHaveLength(1)
    expect(format3.snapshots.map(({ id }) => id)).toContain(loss.snapshots[0])
    const { impact } = await prognosisOf(format3, "q0a563")
    expect(impact.snapshots.filter(({ gone }) => gone).map(({ snapshot }) => snapshot.id)).toEqual(
      loss.snapshots,
    )
  })

  it("that holds manifests and is gone already, the others are told, and that there may be more", async () => {
    const patient = await kopia("kopia/format-3", fixtureCopy("kopia/format-3"))
    const [pack = ""] = filesBelow(patient.directory, /^q\/0a5/)
    rmSync(pack)
    expect(await patient.contents.contentsIn("q0a563")).toMatchObject({
      snapshots: [],
      note: expect.stringContaining("1 of them cannot be read") as string,
    })
  })

  it("that no index tells of, nothing is lost", async () => {
    const patient = await kopia("kopia/format-3", fixtureCopy("kopia/format-3"))
    const [pack = ""] = filesBelow(patient.directory, /^p\//)
    const orphan = join(patient.directory, "p/000/00000000000000000000000000000-s0000000000000000147.f")
    mkdirSync(join(orphan, ".."), { recursive: true })
    copyFileSync(pack, orphan)
    const loss = await patient.contents.contentsIn(relative(patient.directory, orphan))
    expect(loss).toMatchObject({ kind: "pack", count: 0, snapshots: [], stops: false })
  })

  it.each([
    "",
    "/",
    "p",
    "q",
    "nonesuch",
    "../kopia.repository",
    "p/101/../../kopia.repository.f",
    "pff\0",
    "p".repeat(5000),
  ])("called %j, nobody knows which is meant", async (words) => {
    expect((await failure(format3.contents.contentsIn(words))).code).toBe("invalid")
  })

  it("is meant by its id, its path, and the beginning of either", async () => {
    const file = "p/b2d/dc22366b20886e024f15060b30fc2-s592d24d20e7e0e44147.f"
    const names = [file, `./${file}`, file.replaceAll("/", "").slice(0, -2), "pb2d", "p/b2d", "p/b2d/dc2"]
    for (const name of names) expect((await format3.contents.contentsIn(name)).file).toBe(file)
  })
})

describe("with a file of a restic repository", () => {
  it("that opens it everything is lost; a key only if it is the last", async () => {
    const one = await restic("restic/v2-by-0.18")
    const [key = ""] = filesBelow(one.directory, /^keys\//).map((file) => relative(one.directory, file))
    expect(await one.contents.contentsIn(key)).toMatchObject({ kind: "key", everything: true, stops: true })
    expect(await one.contents.contentsIn("config")).toMatchObject({ kind: "format", everything: true })
    const two = await restic("restic/two-keys")
    const [first = ""] = filesBelow(two.directory, /^keys\//).map((file) => relative(two.directory, file))
    expect(await two.contents.contentsIn(first)).toMatchObject({ kind: "key", everything: false, count: 0 })
  })

  it("that is a snapshot, that snapshot is lost and no other", async () => {
    const patient = await restic("restic/two-keys")
    const id = patient.snapshots[0]?.id ?? ""
    const { loss, impact } = await prognosisOf(patient, id.slice(0, 8))
    expect(loss).toMatchObject({ file: `snapshots/${id}`, kind: "snapshot", snapshots: [id], count: 0 })
    expect(impact.snapshots.map(({ snapshot, gone }) => [snapshot.id, gone])).toEqual([[id, true]])
  })

  it("that is a lock, nothing is lost", async () => {
    const patient = await restic("restic/locks")
    const [lock = ""] = filesBelow(patient.directory, /^locks\/[0-9a-f]{64}$/).map((file) =>
      relative(patient.directory, file),
    )
    expect(await patient.contents.contentsIn(lock)).toMatchObject({ kind: "other", count: 0 })
  })

  it("whose blobs lie in another pack, too, they are lost only when that is not there", async () => {
    const [here, there] = [fixtureCopy("restic/two-keys"), fixtureCopy("restic/two-keys")]
    const password = "first password"
    const source = scratch()
    writeFileSync(join(source, "file"), "the same in both")
    const packsOf = (directory: string) =>
      filesBelow(directory, /^data\//).map((file) => relative(directory, file))
    const known = new Set(packsOf(here))
    // Two programs that store the same at once, each in packs of its own.
    for (const directory of [here, there]) runRestic(directory, password, "backup", source)
    const [ours = [], theirs = []] = [here, there].map((one) =>
      packsOf(one).filter((file) => !known.has(file)),
    )
    cpSync(there, here, { recursive: true, force: false })
    const shared = `data/${createHash("sha256").update("the same in both").digest("hex")}`

    const { contents } = await patientAt(here, password)
    for (const file of [...ours, ...theirs]) expect((await contents.contentsIn(file)).has(shared)).toBe(false)
    for (const file of theirs) rmSync(join(here, file))
    const losses = await Promise.all(ours.map((file) => contents.contentsIn(file)))
    expect(losses.filter(({ has }) => has(shared))).toHaveLength(1)
  })

  it("that is an index, only what no other tells of is lost, and can be won back", async () => {
    const patient = await restic("restic/many-indexes")
    const [file = ""] = filesBelow(patient.directory, /^index\//).map((path) =>
      relative(patient.directory, path),
    )
    const loss = await patient.contents.contentsIn(file)
    expect(loss).toMatchObject({ kind: "index", everything: false })
    expect(loss.count).toBeGreaterThan(0)
    expect(loss.recovery).toContain("restic repair index")
  })

  it.each(["", "data", "data/", "index/zz", "nonesuch", "../config", "data/aa/../../config", "a".repeat(65)])(
    "called %j, nobody knows which is meant",
    async (words) => {
      const { contents } = await restic("restic/two-keys")
      expect((await failure(contents.contentsIn(words))).code).toBe("invalid")
    },
  )
})
