import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { openBlobCache, openDatabase, Pins, type StateDatabase } from "../../../server/db/index.js"
import { scratch } from "../../support/fixtures.js"
import { mountTmpfs } from "../../support/mounts.js"

const opened: StateDatabase[] = []

afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

/** Takes every byte that is left. */
function fill(directory: string): string {
  const file = join(directory, "ballast")
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    for (;;) {
      try {
        writeFileSync(file, Buffer.alloc(size), { flag: "a" })
      } catch {
        break
      }
    }
  }
  return file
}

function pin(n: number) {
  const padding = "x".repeat(20_000)
  return {
    place: `p${n}`,
    engine: "kopia",
    repositoryId: padding,
    fingerprint: padding,
    pinnedAt: n,
  } as const
}

describe("a full disk under the state directory", () => {
  it("fails the write, keeps what was there, goes on reading, and recovers by itself", () => {
    const directory = join(scratch(), "state")
    mountTmpfs(directory)
    const database = openDatabase(directory)
    opened.push(database)
    const pins = new Pins(database.connection)
    pins.put(pin(0))
    const ballast = fill(directory)

    let written = 1
    expect(() => {
      for (; written < 1000; written++) pins.put(pin(written))
    }).toThrow(expect.objectContaining({ name: "DatabaseError", code: "full" }))
    expect(pins.all()).toHaveLength(written)

    rmSync(ballast)
    pins.put(pin(written))
    expect(pins.all()).toHaveLength(written + 1)
  })

  it("says so when there is no room to start with", () => {
    const directory = join(scratch(), "state")
    mountTmpfs(directory, "64k")
    fill(directory)
    expect(() => openDatabase(directory)).toThrow(expect.objectContaining({ name: "DatabaseError" }))
  })

  it("makes the blob cache forget, never fail", () => {
    const directory = join(scratch(), "state")
    mountTmpfs(directory)
    const cache = openBlobCache(directory)
    const memory = cache.of("place")
    memory.remember("index", "a", 3, Buffer.from("abc"))
    fill(directory)
    const large = readFileSync(process.execPath).subarray(0, 1 << 20)
    memory.remember("index", "b", large.length, large)
    expect(memory.recall("index", "b", large.length)).toBeUndefined()
    expect(Buffer.from(memory.recall("index", "a", 3) ?? []).toString()).toBe("abc")
    expect(cache.lastError).toMatchObject({ code: "SQLITE_FULL" })
    cache.close()
  })
})
