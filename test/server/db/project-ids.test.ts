import { describe, expect, it } from "vitest"
import {
  FIRST_PROJECT,
  LAST_PROJECT,
  openDatabase,
  ProjectIdTable,
  TreeUses,
} from "../../../server/db/index.js"
import { scratch } from "../../support/fixtures.js"

/** One daemon's life. */
function living<T>(state: string, work: (ids: ProjectIdTable) => T): T {
  const database = openDatabase(state)
  try {
    return work(new ProjectIdTable(database.connection))
  } finally {
    database.close()
  }
}

describe("a project's number", () => {
  it("is the directory's own, also after a restart, and no other one's ever", () => {
    const state = scratch()
    const first = living(state, (ids) => [ids.take("/a"), ids.take("/b"), ids.take("/a")])
    expect(first).toEqual([FIRST_PROJECT, FIRST_PROJECT + 1, FIRST_PROJECT])
    const second = living(state, (ids) => {
      const known = ids.take("/b")
      ids.release("/b")
      ids.release("/b")
      return [known, ids.take("/b"), ids.take("/c"), ids.take("/a")]
    })
    expect(second).toEqual([FIRST_PROJECT + 1, FIRST_PROJECT + 2, FIRST_PROJECT + 3, FIRST_PROJECT])
  })

  it("is not given when the range is used up", () => {
    const state = scratch()
    const database = openDatabase(state)
    database.connection.prepare("INSERT INTO project_id VALUES (?, '/last', 0, NULL)").run(LAST_PROJECT)
    const ids = new ProjectIdTable(database.connection)
    expect(() => ids.take("/one more")).toThrow("given out")
    expect(ids.take("/last")).toBe(LAST_PROJECT)
    database.close()
  })
})

describe("what a tree holds", () => {
  it("is the last that was measured", () => {
    const database = openDatabase(scratch())
    const uses = new TreeUses(database.connection)
    expect(uses.get("store:a")).toBeUndefined()
    const use = { bytes: 4 * 1024 ** 4, files: 2, unread: 0, elsewhere: 1, begunAt: 1, endedAt: 2 }
    uses.put("store:a", use)
    uses.put("store:a", { ...use, bytes: 5 })
    expect(uses.get("store:a")).toEqual({ ...use, bytes: 5 })
    database.close()
  })
})
