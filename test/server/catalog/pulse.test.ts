import { describe, expect, it } from "vitest"
import { HANG_MS, Pulse, systemClock } from "../../../server/catalog/index.js"
import { hangOf } from "../../../server/catalog/pulse.js"
import { until } from "../../support/until.js"

/** What is said of a thread whose call began so many milliseconds ago. */
function after(milliseconds: number | undefined): ReturnType<typeof hangOf> {
  const now = { mono: 1_000_000, wall: Date.parse("2026-03-01T12:00:00Z") }
  const since = milliseconds === undefined ? undefined : now.mono - milliseconds
  return hangOf('store "tank"', { since }, now)
}

describe("a store hangs", () => {
  it("when one call into its filesystem has not come back for ten seconds, since that call began", () => {
    expect(after(HANG_MS)).toMatchObject({
      since: Date.parse("2026-03-01T11:59:50Z"),
      message: 'The filesystem of store "tank" has not answered since 2026-03-01T11:59:50Z.',
    })
  })

  it("not while its calls come back sooner, nor between two", () => {
    expect(after(HANG_MS - 1)).toBeUndefined()
    expect(after(undefined)).toBeUndefined()
  })
})

describe("a pulse", () => {
  it("is seen by whoever has its memory, during a call and not after it", () => {
    const pulse = new Pulse()
    const seenElsewhere = new Pulse(pulse.memory)
    expect(seenElsewhere.since).toBeUndefined()
    const before = systemClock.now().mono
    const since = pulse.during(() => seenElsewhere.since)
    expect(since).toBeGreaterThanOrEqual(before)
    expect(since).toBeLessThanOrEqual(systemClock.now().mono)
    expect(seenElsewhere.since).toBeUndefined()
  })

  it("begins anew with each call, and ends with one that fails", () => {
    const pulse = new Pulse()
    const first = pulse.during(() => pulse.since) ?? Infinity
    expect(pulse.during(() => pulse.since)).toBeGreaterThan(first)
    const [inner = Infinity, afterInner] = pulse.during(() => [pulse.during(() => pulse.since), pulse.since])
    expect(afterInner).toBeGreaterThan(inner)
    expect(pulse.since).toBeUndefined()
    expect(() =>
      pulse.during(() => {
        throw new Error("EIO")
      }),
    ).toThrow("EIO")
    expect(pulse.since).toBeUndefined()
  })

  it("goes on while work waits in between, stands still when a call in it does, and ends with the last of it", async () => {
    const pulse = new Pulse()
    const waits: (() => void)[] = []
    const work = () => pulse.throughout(() => new Promise<void>((done) => waits.push(done)))
    const [one, other] = [work(), work()]
    const begun = pulse.since ?? Infinity
    await until(
      () => Promise.resolve(pulse.since ?? 0),
      (since) => since > begun,
      "the next beat",
    )
    // Nothing of the thread runs while a call does not come back, so neither does the beat.
    const stuck = pulse.during(() => {
      const before = pulse.since
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200)
      return { before, after: pulse.since }
    })
    expect(stuck.after).toBe(stuck.before)
    waits[0]?.()
    await one
    expect(pulse.since).toBeDefined()
    waits[1]?.()
    await other
    expect(pulse.since).toBeUndefined()
    await expect(pulse.throughout(() => Promise.reject(new Error("EIO")))).rejects.toThrow("EIO")
    expect(pulse.since).toBeUndefined()
  })
})
