import { describe, expect, it } from "vitest"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
import { digestOf, readAll, type Restored, shown, shownAs } from "../../support/restored.js"
import { open, passwordOf, placeIn } from "./open.js"

const how = { directoryTimes: false }

describe("what is in a snapshot is what kopia restores", () => {
  it.each(fixtureNames("kopia"))("%s", async (name) => {
    const restores = (expectedOf(name).restores ?? []) as Restored[]
    expect(restores).not.toEqual([])
    const repository = open(placeIn(name, fixture(name)), passwordOf(name))
    const { snapshots } = await repository.list()
    const contents = await repository.openContents()
    for (const restored of restores) {
      const snapshot = snapshots.find(({ id }) => id === restored.id)
      if (snapshot === undefined) throw new Error(`no snapshot ${restored.id}`)
      const entries = await readAll(contents, snapshot)
      expect(digestOf(entries)).toBe(restored.digest)
      if (restored.files !== undefined) expect(shown(entries, how)).toEqual(shownAs(restored.files, how))
    }
  })
})
