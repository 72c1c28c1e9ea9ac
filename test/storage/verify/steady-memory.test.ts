import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { memoryFile } from "../../../storage/verify/index.js"
import { SteadyMemory } from "../../../storage/verify/steady-memory.js"
import { scratch } from "../../support/fixtures.js"

describe("what a long reading found whole", () => {
  it("is written down soon, then now and then, and never for more than a thirtieth of the time", async () => {
    let now = 0
    const saves: number[] = []
    const memory = new SteadyMemory(
      () => {
        saves.push(now)
        now += 100
        return Promise.resolve()
      },
      () => now,
    )
    for (; now < 20_000; now += 50) {
      memory.tick()
      await memory.settle()
    }
    expect(saves[0]).toBe(500)
    const pauses = saves.slice(1).map((at, index) => at - (saves[index] ?? 0))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(3_000)
    expect(saves.length).toBeGreaterThan(4)
  })

  it("fails the reading when it cannot be written", async () => {
    let now = 0
    const memory = new SteadyMemory(
      () => Promise.reject(new Error("full")),
      () => (now += 1_000),
    )
    memory.tick()
    await memory.settle()
    expect(() => {
      memory.tick()
    }).toThrow("full")
  })
})

describe("the file of a memory", () => {
  it("is nothing at first, and is replaced whole", async () => {
    const path = join(scratch(), "memory")
    const memory = memoryFile(path)
    expect(await memory.load()).toBeUndefined()
    await memory.save(Buffer.from("one"))
    await memory.save(Buffer.from("two"))
    expect(await memory.load()).toEqual(Buffer.from("two"))
    expect(existsSync(`${path}.new`)).toBe(false)
  })

  it("stays as it was when the new one cannot be written, and nothing is left beside it", async () => {
    const path = join(scratch(), "memory")
    const memory = memoryFile(path)
    await memory.save(Buffer.from("one"))
    mkdirSync(`${path}.new`)
    await expect(memory.save(Buffer.from("two"))).rejects.toThrow("EISDIR")
    expect(readFileSync(path, "utf8")).toBe("one")
  })
})
