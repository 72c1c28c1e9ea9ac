import { describe, expect, it } from "vitest"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
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
