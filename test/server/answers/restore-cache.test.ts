import { describe, expect, it } from "vitest"
import type { Fleet } from "../../../server/answers/index.js"
import { RestoreCache } from "../../../server/answers/restore-cache.js"
import type { PlaceView } from "../../../server/catalog/index.js"
import type { Decision } from "../../../server/decision/index.js"
import { emptyDocument } from "../../../server/config/index.js"

const fleet: Fleet = { document: emptyDocument, repositories: [] }
const view = {
  spec: { place: "tank:kopia" },
  generation: { begun: { mono: 1_000, wall: 1_000 } },
  trouble: undefined,
} as unknown as PlaceView
const restore = { decision: "restore" } as Decision
const grounds = { fleet, knownVersion: 7, damageVersion: 3 }
const soon = { mono: 2_000, wall: 2_000 }
const same = (): PlaceView => view

function remembering(decision = restore): RestoreCache {
  const cache = new RestoreCache()
  cache.remember("home/ns/pvc", { ...grounds, view }, decision)
  return cache
}

describe("a remembered restore", () => {
  it("is given again while everything that it rests on is the same", () => {
    expect(remembering().recall("home/ns/pvc", grounds, same, soon)).toBe(restore)
  })

  it("is not given for another volume", () => {
    expect(remembering().recall("home/ns/other", grounds, same, soon)).toBeUndefined()
  })

  it("ends with a new view of the repository, which every listing and every failure makes", () => {
    const later = { ...view }
    expect(remembering().recall("home/ns/pvc", grounds, () => later, soon)).toBeUndefined()
  })

  it("ends when the repository is no longer held", () => {
    expect(remembering().recall("home/ns/pvc", grounds, () => undefined, soon)).toBeUndefined()
  })

  it("ends with a new document", () => {
    expect(
      remembering().recall("home/ns/pvc", { ...grounds, fleet: { ...fleet } }, same, soon),
    ).toBeUndefined()
  })

  it("ends when one more volume is known, which may share the identity", () => {
    expect(remembering().recall("home/ns/pvc", { ...grounds, knownVersion: 8 }, same, soon)).toBeUndefined()
  })

  it("ends when damage was found, or withdrawn", () => {
    const after = { ...grounds, damageVersion: 4 }
    expect(remembering().recall("home/ns/pvc", after, same, soon)).toBeUndefined()
  })

  it("ends when its listing is older than five minutes by either clock", () => {
    const fiveMinutes = 5 * 60_000 + 1
    const byMono = { mono: 1_000 + fiveMinutes, wall: 1_000 + fiveMinutes }
    const afterSleep = { mono: 2_000, wall: 1_000 + fiveMinutes }
    expect(remembering().recall("home/ns/pvc", grounds, same, byMono)).toBeUndefined()
    expect(remembering().recall("home/ns/pvc", grounds, same, afterSleep)).toBeUndefined()
  })

  it("ends when the wall clock was set back", () => {
    expect(remembering().recall("home/ns/pvc", grounds, same, { mono: 60_000, wall: 1_000 })).toBeUndefined()
  })

  it("is never a fresh or an unknown", () => {
    for (const decision of ["fresh", "unknown"] as const) {
      const cache = remembering({ decision } as Decision)
      expect(cache.recall("home/ns/pvc", grounds, same, soon)).toBeUndefined()
    }
  })
})
