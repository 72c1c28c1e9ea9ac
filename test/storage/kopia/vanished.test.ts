import { describe, expect, it } from "vitest"
import type { IndexEntry } from "../../../storage/kopia/index-entry.js"
import { IndexView } from "../../../storage/kopia/index-view.js"
import { parseMarks, renderMarks } from "../../../storage/kopia/marks.js"
import { indexLost, isWholeCompaction, missedOf } from "../../../storage/kopia/vanished.js"

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
    entryCount: 1000,
    compacted: false,
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
    const others = new Set(["aa", "bb", "cc"])
    const then = { before: nothing, now: nothing, others, entryCount: 1000, compacted: true }

    it("may have been dropped by a compaction of the whole index", () => {
      expect(missedOf([small, large], then)).toEqual([false, false])
    })

    it("is a loss when the index was not compacted as a whole", () => {
      expect(missedOf([small, large], { ...then, compacted: false })).toEqual([true, false])
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

describe("a compaction of the whole index", () => {
  const before = new Map([
    ["n1", record([entry("ma", 1)])],
    ["n2", record([entry("mb", 2)])],
  ])

  it("leaves nothing that counted, and names manifests that it did, maybe in another pack", () => {
    expect(isWholeCompaction(before, new Map([["n3", record([entry("mb", 2)])]]))).toBe(true)
    expect(isWholeCompaction(before, new Map([["n3", record([entry("mb", 9, false, "q9")])]]))).toBe(true)
  })

  const others: [string, [string, ReturnType<typeof record>][]][] = [
    [
      "an old blob still counts",
      [
        ["n1", record([entry("ma", 1)])],
        ["n3", record([entry("mb", 2)])],
      ],
    ],
    ["nothing of the old is said", [["n3", record([entry("mc", 3)])]]],
    ["it is a deletion", [["n3", record([entry("ma", 1, true)])]]],
    ["nothing counts", []],
  ]
  it.each(others)("is none when %s", (_, now) => {
    expect(isWholeCompaction(before, new Map(now))).toBe(false)
  })
})
