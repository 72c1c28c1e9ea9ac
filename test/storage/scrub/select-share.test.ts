import { describe, expect, it } from "vitest"
import type { BlobRecord } from "../../../storage/scrub/index.js"
import { selectShare, type Share } from "../../../storage/scrub/select-share.js"
import type { StoredFile } from "../../../storage/scrub/stored-file.js"
import { SeededBytes } from "../../support/seeded.js"

const HOUR = 3_600_000
const DAY = 24 * HOUR
const EVERY = 10 * DAY
const START = 1_800_000_000_000

function fileOf(path: string, length: number, inode: number): StoredFile {
  const kind = { sha256: undefined, rewritten: false, oftenRewritten: false, sealed: true }
  return { path, length, modified: 7n, inode: BigInt(inode), ...kind }
}

/** A repository whose scrubs take no time, and find everything right. */
class Scrubbed {
  readonly files: StoredFile[] = []
  readonly records = new Map<string, BlobRecord>()
  now = START
  /** Of what was read before, in each run. */
  readonly reread: number[] = []

  constructor(count: number, seed: string) {
    const random = new SeededBytes(seed)
    for (let at = 0; at < count; at++) this.add(`p${at}`, 1 + random.below(20_000_000))
  }

  add(path: string, length: number): void {
    this.files.push(fileOf(path, length, this.files.length))
  }

  get bytes(): number {
    return this.files.reduce((sum, { length }) => sum + length, 0)
  }

  run(share: Partial<Share> = {}): string[] {
    const known = (path: string) => this.records.get(path)
    const { due } = selectShare(this.files, known, this.now, {
      everyMs: EVERY,
      periodMs: HOUR,
      again: new Set(),
      ...share,
    })
    this.reread.push(due.reduce((sum, { path, length }) => sum + (this.records.has(path) ? length : 0), 0))
    for (const { path, length, modified } of due) {
      const firstSeen = this.records.get(path)?.firstSeen ?? this.now
      this.records.set(path, { sha256: "", length, modified, firstSeen, lastChecked: this.now })
    }
    return due.map(({ path }) => path)
  }

  get oldest(): number {
    return this.now - Math.min(...[...this.records.values()].map(({ lastChecked }) => lastChecked))
  }
}

describe("the share of a repository that one of many scrubs reads", () => {
  it.each([1, 2, 7, 300])(
    "of %i files reads every one again in time, evenly, and not much oftener",
    (count) => {
      const here = new Scrubbed(count, `share of ${count}`)
      expect(here.run()).toHaveLength(count)
      for (let hour = 1; hour <= 30 * 24; hour++) {
        here.now += HOUR
        here.run()
        expect(here.oldest).toBeLessThanOrEqual(EVERY)
      }
      const largest = Math.max(...here.files.map(({ length }) => length))
      const even = here.bytes / (EVERY / HOUR)
      expect(Math.max(...here.reread)).toBeLessThanOrEqual(8 * even + largest)
      const all = here.reread.reduce((sum, bytes) => sum + bytes, 0)
      // Three times as long as it may take; a file that is due an hour early counts.
      expect(all).toBeLessThanOrEqual(here.bytes * (count < 10 ? 6 : 3.5))
      expect(all).toBeGreaterThanOrEqual(here.bytes * 2)
    },
  )

  it("holds what is new or changed at once, and what was not right whenever it was read", () => {
    const here = new Scrubbed(20, "new")
    here.run()
    here.now += HOUR
    here.add("new", 5)
    here.files[3] = { ...fileOf("p3", 5, 3), modified: 8n }
    const due = here.run({ again: new Set(["p7"]) })
    expect(due[0]).toBe("new")
    expect(due).toEqual(expect.arrayContaining(["p3", "p7"]))
    expect(due.length).toBeLessThan(8)
  })

  it("is no more than eight usual ones after a long pause, and all is caught up in the days after", () => {
    const here = new Scrubbed(300, "pause")
    here.run()
    here.now += 60 * DAY
    const even = here.bytes / (EVERY / HOUR)
    let hours = 0
    for (; here.oldest > EVERY; hours++) {
      expect(hours).toBeLessThan(40)
      here.run()
      expect(here.reread.at(-1)).toBeLessThanOrEqual(8 * even + 20_000_000)
      here.now += HOUR
    }
    expect(hours).toBeGreaterThan(20)
  })

  it("goes by the time since the last one: a daily scrub reads a day's share", () => {
    const here = new Scrubbed(300, "daily")
    here.run()
    for (let day = 1; day <= 30; day++) {
      here.now += DAY
      here.run({ periodMs: DAY })
      expect(here.oldest).toBeLessThanOrEqual(EVERY)
    }
  })

  it("takes a reading in the future for one that nobody knows the time of", () => {
    const here = new Scrubbed(1, "future")
    here.run()
    here.now -= 400 * DAY
    expect(here.run()).toEqual(["p0"])
    here.now += HOUR
    expect(here.run()).toEqual([])
  })
})
