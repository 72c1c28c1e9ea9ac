import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { expectedOf, fixture, fixtureCopy, fixtureNames } from "../../support/fixtures.js"
import { digestOf, readAll, type Restored, shown, shownAs } from "../../support/restored.js"
import { open } from "./restic-fixtures.js"

const restored = fixtureNames("restic").filter(
  (name) => ((expectedOf(name).restores ?? []) as unknown[]).length > 0,
)

const how = { directoryTimes: true }

describe("what is in a snapshot is what restic restores", () => {
  it.each(restored)("%s", async (name) => {
    const expected = expectedOf(name)
    const repository = open(fixture(name), expected.password as string)
    const { snapshots } = await repository.list()
    const contents = await repository.openContents()
    for (const { id, digest, files } of expected.restores as Restored[]) {
      const snapshot = snapshots.find((one) => one.id === id)
      if (snapshot === undefined) throw new Error(`no snapshot ${id}`)
      const entries = await readAll(contents, snapshot)
      expect(digestOf(entries)).toBe(digest)
      if (files !== undefined) expect(shown(entries, how)).toEqual(shownAs(files, how))
    }
  })
})

describe("the names of one file", () => {
  it("are told apart from equal files", async () => {
    const name = "restic/full-tree-by-0.19"
    const expected = expectedOf(name)
    const repository = open(fixture(name), expected.password as string)
    const [restore] = expected.restores as (Restored & { files: { path: string; hardLinkOf?: string }[] })[]
    const snapshot = (await repository.list()).snapshots.find(({ id }) => id === restore?.id)
    if (snapshot === undefined || restore === undefined) throw new Error("it was never restored")
    const groups = new Map<string, string[]>()
    for (const { path, entry } of await readAll(await repository.openContents(), snapshot)) {
      if (entry.sameFile === undefined) continue
      const names = groups.get(entry.sameFile) ?? []
      groups.set(entry.sameFile, [...names, Buffer.from(path, "hex").toString()])
    }
    const real = new Map<string, string[]>()
    for (const { path, hardLinkOf } of restore.files) {
      if (hardLinkOf !== undefined) real.set(hardLinkOf, [...(real.get(hardLinkOf) ?? [hardLinkOf]), path])
    }
    expect(real.size).toBeGreaterThan(0)
    expect([...groups.values()]).toEqual([...real.values()])
  })
})

describe("a range of a file", () => {
  it("is what lies there in the whole, and reads no other blob", async () => {
    const name = "restic/full-tree-by-0.19"
    const directory = fixtureCopy(name)
    const repository = open(directory, expectedOf(name).password as string)
    const [snapshot] = (await repository.list()).snapshots
    if (snapshot === undefined) throw new Error("no snapshot")
    const contents = await repository.openContents()
    const entries = await readAll(contents, snapshot)
    const file = entries.map(({ entry }) => entry).find(({ content }) => content.length >= 3)
    if (file === undefined) throw new Error("no file of several blobs")
    const whole = await bytesOf(contents.read(file))
    expect(whole.length).toBe(file.size)
    const [offset, length] = [Math.floor(whole.length / 2) - 1_000, 2_000]
    expect(await bytesOf(contents.read(file, { offset, length }))).toEqual(
      whole.subarray(offset, offset + length),
    )
    expect(await bytesOf(contents.read(file, { offset: whole.length - 5, length: 100 }))).toEqual(
      whole.subarray(-5),
    )
    expect(await bytesOf(contents.read(file, { offset: whole.length, length: 100 }))).toHaveLength(0)

    const packs = (await repository.readIndexes()).flatMap((index) => index.packs)
    for (const { id, blobs } of packs) {
      const first = blobs.find((blob) => blob.id === file.content[0])
      if (first === undefined) continue
      const pack = join(directory, "data", id.slice(0, 2), id)
      const bytes = readFileSync(pack)
      writeFileSync(pack, bytes.fill(0, first.offset, first.offset + first.length))
    }
    expect(await bytesOf(contents.read(file, { offset, length }))).toHaveLength(length)
    await expect(bytesOf(contents.read(file))).rejects.toMatchObject({ code: "corrupt" })
  })
})

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}
