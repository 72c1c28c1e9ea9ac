import { describe, expect, it } from "vitest"
import type { IndexEntry } from "../../../storage/kopia/index-entry.js"
import { IndexView } from "../../../storage/kopia/index-view.js"
import { parseMarks, renderMarks } from "../../../storage/kopia/marks.js"
import { indexLost, missedOf } from "../../../storage/kopia/vanished.js"

const entry = (contentId: string, timestamp: number, deleted = false, pack = "q1"): IndexEntry => ({
  contentId,
  timestamp,
  deleted,
  pack,
  offset: 0,
  packedLength: 1,
  originalLength: 1,
  compression: 0,
  encryptionKeyId: 0,
})

const record = (manifests: readonly IndexEntry[], witnesses: readonly string[] = []) => ({
  entryCount: manifests.length + witnesses.length,
  manifests,
  witnesses,
})

/** Whether the first blob of `before` may be gone when `now` is what counts. */
function survives(
  before: readonly (readonly IndexEntry[])[],
  now: readonly (readonly IndexEntry[])[],
  witnesses: readonly string[] = [],
  others: readonly string[] = [],
): boolean {
  const view = (blobs: readonly (readonly IndexEntry[])[]) => {
    const merged = new IndexView()
    merged.update(new Map(blobs.map((entries, index) => [`n${index}`, record(entries)])))
    return (id: string) => merged.winner(id)
  }
  const [missed] = missedOf([record(before[0] ?? [], witnesses)], {
    before: view(before),
    now: view(now),
    others: new Set(others),
    othersOfNew: new Set(),
    entryCount: 1000,
  })
  return missed === false
}

describe("an index blob that is gone without a trace of its compaction", () => {
  it("is no loss when what counts now says the same, or something later", () => {
    expect(survives([[entry("ma", 1)]], [[entry("ma", 1)]])).toBe(true)
    expect(survives([[entry("ma", 1)]], [[entry("ma", 2, false, "q2")]])).toBe(true)
    expect(survives([[entry("ma", 1)]], [[entry("ma", 2, true)]])).toBe(true)
  })

  it("is a loss when it carried a manifest that nothing else has", () => {
    expect(survives([[entry("ma", 1)]], [])).toBe(false)
    expect(survives([[entry("ma", 1), entry("mb", 1)]], [[entry("ma", 1)]])).toBe(false)
  })

  it("is a loss when an older state comes back", () => {
    expect(survives([[entry("ma", 2, true)]], [[entry("ma", 1)]])).toBe(false)
    expect(survives([[entry("ma", 2)]], [[entry("ma", 1, false, "q9")]])).toBe(false)
  })

  it("is no loss when what it carried had been deleted before, and was dropped", () => {
    expect(survives([[entry("ma", 1, true)]], [])).toBe(true)
    expect(survives([[entry("ma", 1)], [entry("ma", 2, true)]], [])).toBe(true)
  })

  it("is a loss when the files' contents that it named are named nowhere else", () => {
    const witnesses = ["aa", "bb", "cc", "dd"]
    expect(survives([[]], [], witnesses, [])).toBe(false)
    expect(survives([[]], [], witnesses, ["aa"])).toBe(false)
    expect(survives([[]], [], witnesses, ["aa", "bb", "cc"])).toBe(true)
  })

  describe("beside others", () => {
    const nothing = (): undefined => undefined
    const large = record([], ["aa", "bb", "cc", "dd"])
    const small = record([], ["xx", "yy"])
    const then = {
      before: nothing,
      now: nothing,
      others: new Set(["aa", "bb", "cc"]),
      othersOfNew: new Set(["aa", "bb", "cc"]),
      entryCount: 1000,
    }

    it("may have been dropped by the compaction that took the others in", () => {
      expect(missedOf([small, large], then)).toEqual([false, false])
    })

    it("is a loss when nothing new names what the others said: nothing was compacted", () => {
      expect(missedOf([small, large], { ...then, othersOfNew: new Set() })).toEqual([true, false])
      expect(missedOf([small], then)).toEqual([true])
    })

    it("is a loss when too little proves the compaction", () => {
      expect(missedOf([small, record([], ["aa", "bb", "cc"])], then)).toEqual([true, false])
    })

    it("is a loss when more is gone than maintenance drops in passing", () => {
      expect(missedOf([small, large], { ...then, entryCount: 19 })).toEqual([true, false])
      expect(missedOf([small, large], { ...then, entryCount: 20 })).toEqual([false, false])
    })

    it("is a loss when it carried a manifest, or nothing is known of it", () => {
      expect(missedOf([record([entry("ma", 1)], ["xx"]), large], then)).toEqual([true, false])
      expect(missedOf([undefined, large], then)).toEqual([true, false])
    })
  })

  it("is named in the error, with what to do", () => {
    expect(indexLost({ id: "n1", length: 9 }, "n/1.f", false)).toMatchObject({
      code: "index_lost",
      facts: { file: "n/1.f", blob: "n1" },
      message: "n/1.f was there in the last listing and is gone, and no compaction explains it",
    })
  })
})

describe("marks", () => {
  const live = [
    { id: "xn0_aa-s1-c1", length: 143, modified: 0n },
    { id: "xn0_bb-s1-c1", length: 7, modified: 0n },
  ]

  it("come back as they were given", () => {
    expect(parseMarks("abcd", renderMarks("abcd", live))).toEqual([
      { id: "xn0_aa-s1-c1", length: 143 },
      { id: "xn0_bb-s1-c1", length: 7 },
    ])
  })

  it("of another repository, or of nobody, are none", () => {
    expect(parseMarks("abce", renderMarks("abcd", live))).toEqual([])
    expect(parseMarks("abcd", [])).toEqual([])
    expect(parseMarks("abcd", ["xn0_aa-s1-c1 143"])).toEqual([])
  })
})
