import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Column, IdTable } from "../../../storage/bytes/index.js"

const idOf = (number: number): Uint8Array => createHash("sha256").update(String(number)).digest()

describe("a table of ids", () => {
  it("does what a Map does, however the ids look", () => {
    const few = fc.uint8Array({ minLength: 5, maxLength: 5, max: 2 })
    fc.assert(
      fc.property(fc.array(few, { maxLength: 300 }), fc.array(few), (added, asked) => {
        const table = new IdTable(5)
        const map = new Map<string, number>()
        for (const id of added) {
          const key = Buffer.from(id).toString("hex")
          if (!map.has(key)) map.set(key, map.size)
          expect(table.add(id)).toBe(map.get(key))
        }
        expect(table.size).toBe(map.size)
        for (const id of asked) expect(table.rowOf(id)).toBe(map.get(Buffer.from(id).toString("hex")))
        for (const [key, row] of map) expect(Buffer.from(table.idAt(row)).toString("hex")).toBe(key)
      }),
    )
  })

  it("grows far beyond what was expected", () => {
    const table = new IdTable(32, 10)
    for (let number = 0; number < 50_000; number++) expect(table.add(idOf(number))).toBe(number)
    for (let number = 0; number < 50_000; number++) expect(table.rowOf(idOf(number))).toBe(number)
    expect(table.rowOf(idOf(50_000))).toBeUndefined()
  })

  it("takes ids of its own length only", () => {
    expect(() => new IdTable(4).add(new Uint8Array(5))).toThrow(RangeError)
    expect(() => new IdTable(4).rowOf(new Uint8Array(3))).toThrow(RangeError)
  })
})

describe("a column", () => {
  it("keeps what it is given, and 0 where nothing was", () => {
    const column = new Column(1)
    column.set(100_000, 0xffff_ffff)
    expect([column.get(100_000), column.get(5), column.get(1e9)]).toEqual([0xffff_ffff, 0, 0])
  })
})
