import { setImmediate as turn } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { spareMemoryAfter } from "../../../server/catalog/spare-memory.js"

function garbage(): WeakRef<object> {
  return new WeakRef({ of: "a listing" })
}

describe("what a listing from nothing needed for a moment", () => {
  it("is given back after a large one", async () => {
    const needed = garbage()
    // A WeakRef holds its object until the turn ends.
    await turn()
    spareMemoryAfter(200_000)
    await turn()
    await turn()
    expect(needed.deref()).toBeUndefined()
  })

  it("leaves no collector behind for others to call", async () => {
    spareMemoryAfter(200_000)
    await turn()
    expect("gc" in globalThis).toBe(false)
  })
})
