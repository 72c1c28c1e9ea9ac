import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { digestOf, SightingsPacker, unpackSightings } from "../../../server/ledger/sighted.js"
import { taken } from "./ledger-under-test.js"

const snapshots = fc.record({
  id: fc.string({ unit: "binary" }),
  start: fc.bigInt(-(2n ** 70n), 2n ** 70n),
  root: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
})
const lists = fc.array(fc.array(snapshots, { maxLength: 4 }), { maxLength: 6 })

describe("packed sightings", () => {
  it("are the same when unpacked, each identity's apart from the others'", () => {
    fc.assert(
      fc.property(lists, (all) => {
        const packer = new SightingsPacker()
        for (const list of all) packer.add(list)
        expect(packer.packed().map((packed) => [...unpackSightings(packed)])).toEqual(all)
      }),
    )
  })

  it("have the digest of the list that they were", () => {
    fc.assert(
      fc.property(lists, (all) => {
        const packer = new SightingsPacker()
        for (const list of all) packer.add(list)
        expect(packer.packed().map((packed) => unpackSightings(packed).digest)).toEqual(all.map(digestOf))
      }),
    )
  })

  it("have room for more than they began with", () => {
    const many = Array.from({ length: 5_000 }, (_, second) => taken(second))
    const packer = new SightingsPacker()
    packer.add(many)
    packer.add([taken(1)])
    expect(packer.packed().map((packed) => [...unpackSightings(packed)])).toEqual([many, [taken(1)]])
  })

  it.each([
    ["another id", taken(1, { id: "other" })],
    ["another start", taken(1, { start: 7n })],
    ["another root", taken(1, { root: "other" })],
    ["no root", taken(1, { root: undefined })],
  ])("have another digest with %s", (_, other) => {
    expect(digestOf([other])).not.toBe(digestOf([taken(1)]))
  })
})
