import { describe, expect, it } from "vitest"
import { troublesAfter } from "../../../../server/reading/scrub/troubles.js"
import type { BlobRecord } from "../../../../storage/scrub/index.js"

const STARTED = 1_000
const read = (lastChecked: number): BlobRecord => ({
  sha256: "",
  length: 1,
  modified: 1n,
  firstSeen: 1,
  lastChecked,
})

const before = new Map([
  ["healed", "corrupt"],
  ["still", "corrupt"],
  ["not-read", "io"],
  ["pruned", "corrupt"],
  ["unread-folder", "unreadable"],
])
const known = (path: string): BlobRecord | undefined =>
  ({ healed: read(STARTED), still: read(500), "not-read": read(500) })[path]
const report = {
  bad: [{ blob: "still", code: "corrupt" as const }],
  unread: [{ blob: "denied", code: "unreadable" as const }],
}

describe("what is not right after a run", () => {
  it("is what it found, and what was not right before and was not read; not what was healed or went", () => {
    const there = new Set(["healed", "still", "not-read", "denied"])
    const { now, gone } = troublesAfter(before, { report, known, started: STARTED, there })
    expect(now).toEqual(
      new Map([
        ["denied", "unreadable"],
        ["still", "corrupt"],
        ["not-read", "io"],
      ]),
    )
    // Only damage may be needed after it went.
    expect(gone).toEqual(["pruned"])
  })

  it("loses nothing where not all could be listed", () => {
    const { now, gone } = troublesAfter(before, { report, known, started: STARTED, there: undefined })
    expect([...now.keys()].sort()).toEqual(["denied", "not-read", "pruned", "still", "unread-folder"])
    expect(gone).toEqual([])
  })
})
