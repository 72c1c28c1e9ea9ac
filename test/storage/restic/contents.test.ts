import { describe, expect, it } from "vitest"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
import { digestOf, readAll, type Restored, shown, shownAs } from "../../support/restored.js"
import { open } from "./restic-fixtures.js"

const restored = fixtureNames("restic").filter((name) => ((expectedOf(name).restores ?? []) as unknown[]).length > 0)

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
