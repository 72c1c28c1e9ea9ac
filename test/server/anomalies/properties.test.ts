import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { anomaliesOfSource, usualLimits } from "../../../server/anomalies/index.js"
import type { Snapshot } from "../../../storage/index.js"
import { DAY, HOUR, NOW, snapshot } from "./snapshots.js"

const runs = { numRuns: 400 }

/** A source that lives: sizes drift by up to 5 % and stray by up to 20 %, and it is backed up on time, more or less. */
const steady = fc
  .record({
    count: fc.integer({ min: 1, max: 60 }),
    files: fc.oneof(fc.constant(0), fc.integer({ min: 100, max: 1_000_000 })),
    fileSize: fc.integer({ min: 0, max: 1 << 22 }),
    drift: fc.double({ min: -0.05, max: 0.05, noNaN: true }),
    interval: fc.constantFrom(HOUR, 6 * HOUR, DAY, 7 * DAY),
    strays: fc.array(
      fc.record({
        files: fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        bytes: fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        late: fc.double({ min: 0, max: 0.3, noNaN: true }),
      }),
      { minLength: 60, maxLength: 60 },
    ),
    since: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ count, files, fileSize, drift, interval, strays, since }) => ({
    interval,
    now: NOW + since * interval,
    snapshots: strays.slice(0, count).map((stray, at) => {
      const size = files * (1 + drift) ** at
      return snapshot(NOW - (count - 1 - at) * interval - stray.late * interval, {
        files: Math.round(size * (1 + stray.files)),
        bytes: Math.round(size * fileSize * (1 + stray.bytes)),
      })
    }),
  }))

function told(snapshots: readonly Snapshot[], now: number): string[] {
  return anomaliesOfSource({ source: "s", snapshots, now, limits: usualLimits }).map(({ code }) => code)
}

describe("any source", () => {
  it("that lives steadily is no anomaly", () => {
    fc.assert(
      fc.property(steady, ({ snapshots, now }) => {
        expect(told(snapshots, now)).toEqual([])
      }),
      runs,
    )
  })

  it("that lives steadily and loses most of its files is told, at once and for days", () => {
    const most = fc.double({ min: 0, max: 0.2, noNaN: true })
    fc.assert(
      fc.property(steady, most, fc.integer({ min: 1, max: 5 }), ({ snapshots, now }, left, days) => {
        const files = snapshots.at(-1)?.files ?? 0
        fc.pre(snapshots.length >= 12 && files >= 1000)
        const rest = Math.min(...snapshots.slice(-12).map((one) => one.files ?? 0)) * left
        const low = snapshots
          .slice(-days)
          .map(({ start }) =>
            snapshot(Number(start / 1_000_000n), { files: Math.round(rest), bytes: undefined }),
          )
        const codes = told([...snapshots.slice(0, -days), ...low], now)
        expect(codes).toContain(Math.round(rest) === 0 ? "emptied" : "files_lost")
      }),
      runs,
    )
  })

  it("that doubles or swings and loses most of its files is told, though it varies so much", () => {
    const shape = fc.constantFrom("doubles", "swings", "saws")
    const left = fc.double({ min: 0.01, max: 0.4, noNaN: true })
    fc.assert(
      fc.property(shape, left, fc.integer({ min: 200, max: 100_000 }), (how, rest, least) => {
        const factors = Array.from({ length: 12 }, (_, at) =>
          how === "doubles" ? 2 ** (at / 10) : how === "swings" ? 1 + (at % 2) : 1 + (at % 4) / 4,
        )
        const day = (at: number) => NOW - (12 - at) * DAY
        const files = factors.map((factor) => Math.round(least * factor))
        const before = files.map((count, at) => snapshot(day(at), { files: count, bytes: undefined }))
        expect(told(before, NOW)).toEqual([])
        const lost = snapshot(NOW, { files: Math.floor(least * rest), bytes: undefined })
        expect(told([...before, lost], NOW)).toEqual(["files_lost"])
      }),
      runs,
    )
  })

  it("that shrinks steadily is no loss, however long", () => {
    const shrinks = fc.double({ min: 0.85, max: 0.99, noNaN: true })
    fc.assert(
      fc.property(shrinks, fc.integer({ min: 3, max: 40 }), (by, count) => {
        const snapshots = Array.from({ length: count }, (_, at) =>
          snapshot(NOW - (count - at) * DAY, { files: Math.round(100_000 * by ** at), bytes: undefined }),
        )
        expect(told(snapshots, NOW)).toEqual([])
      }),
      runs,
    )
  })

  it("that lives steadily and is no longer backed up is told", () => {
    fc.assert(
      fc.property(steady, ({ snapshots, interval, now }) => {
        fc.pre(snapshots.length > 5)
        expect(told(snapshots, now + 3 * interval)).toEqual(["backup_missed"])
      }),
      runs,
    )
  })

  it("that grows tenfold at once is told", () => {
    fc.assert(
      fc.property(steady, ({ snapshots, now }) => {
        const most = Math.max(...snapshots.map(({ bytes }) => bytes ?? 0))
        fc.pre(snapshots.length > 6)
        const next = snapshot(now, { files: snapshots.at(-1)?.files, bytes: most * 10 + 1024 ** 3 })
        expect(told([...snapshots, next], now)).toEqual(["growth"])
      }),
      runs,
    )
  })

  it("is told the same in whatever order its snapshots come, and none is changed", () => {
    fc.assert(
      fc.property(hostile, fc.integer(), ({ snapshots, now }, seed) => {
        const shuffled = [...snapshots].sort(
          (one, other) => hash(one.id, seed) - hash(other.id, seed) || Number(one.start - other.start),
        )
        const input = { source: "s", now, limits: usualLimits }
        expect(anomaliesOfSource({ ...input, snapshots: shuffled })).toEqual(
          anomaliesOfSource({ ...input, snapshots }),
        )
      }),
      runs,
    )
  })

  it("whatever it says is told in whole numbers, with a hint, and once for each code and writer", () => {
    fc.assert(
      fc.property(hostile, ({ snapshots, now }) => {
        const anomalies = anomaliesOfSource({ source: "s", snapshots, now, limits: usualLimits })
        const keys = anomalies.map(({ code, evidence }) => `${code} ${String(evidence["writer"] ?? "")}`)
        expect(new Set(keys).size).toBe(keys.length)
        for (const { title, hint, evidence } of anomalies) {
          expect(`${title} ${hint} ${JSON.stringify(evidence)}`).not.toMatch(/NaN|Infinity|undefined/)
        }
      }),
      runs,
    )
  })
})

/** Whatever a listing may hold: equal times, clocks that jump, figures at their limits. */
const hostile = fc.record({
  now: fc.constantFrom(0, NOW, NOW * 2),
  snapshots: fc.array(
    fc
      .record({
        at: fc.oneof(
          fc.constantFrom(0, NOW, NOW + 1, -NOW),
          fc.integer({ min: NOW - 40 * DAY, max: NOW + 2 * DAY }),
        ),
        files: fc.constantFrom(undefined, 0, 1, 1000, Number.MAX_SAFE_INTEGER, -5),
        bytes: fc.constantFrom(undefined, 0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER, -5),
        incomplete: fc.constantFrom(undefined, undefined, "checkpoint", ""),
        failedFiles: fc.constantFrom(0, 0, 3, -1),
        host: fc.constantFrom("", "a", "b"),
        root: fc.constantFrom(undefined, "k00", "k01"),
      })
      .map(({ at, host, ...more }) => snapshot(at, { ...more, source: { user: "u", host, paths: [] } })),
    { maxLength: 40 },
  ),
})

function hash(text: string, seed: number): number {
  let value = seed
  for (const letter of text) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193)
  return value
}
