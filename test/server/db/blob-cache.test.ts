import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { afterEach, describe, expect, it } from "vitest"
import { type BlobCache, openBlobCache } from "../../../server/db/index.js"
import { openSqlite } from "../../../server/db/sqlite.js"
import { compiled } from "../../support/compiled.js"
import { scratch } from "../../support/fixtures.js"

const opened: BlobCache[] = []

afterEach(() => {
  for (const cache of opened.splice(0)) cache.close()
})

function open(directory: string, options?: Parameters<typeof openBlobCache>[1]): BlobCache {
  const cache = openBlobCache(directory, options)
  opened.push(cache)
  return cache
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString()
}

describe("the blob cache", () => {
  it("recalls by kind, name and length, over a restart", () => {
    const directory = scratch()
    const first = openBlobCache(directory)
    first.of("p").remember("index", "n1", 10, Buffer.from("value"))
    first.close()
    const memory = open(directory).of("p")
    expect(text(memory.recall("index", "n1", 10))).toBe("value")
    expect(memory.recall("index", "n1", 11)).toBeUndefined()
    expect(memory.recall("manifest", "n1", 10)).toBeUndefined()
    expect(memory.recall("index", "n2", 10)).toBeUndefined()
  })

  it("keeps two places apart", () => {
    const cache = open(scratch())
    cache.of("one").remember("index", "a", 1, Buffer.from("1"))
    expect(cache.of("two").recall("index", "a", 1)).toBeUndefined()
    cache.forgetPlace("one")
    expect(cache.of("one").recall("index", "a", 1)).toBeUndefined()
  })

  it("remembers empty values", () => {
    const memory = open(scratch()).of("p")
    memory.remember("index", "a", 1, new Uint8Array())
    expect(memory.recall("index", "a", 1)).toHaveLength(0)
  })

  it("starts anew over a file that is no database", () => {
    const directory = scratch()
    writeFileSync(join(directory, "cache.sqlite"), "damaged".repeat(1000))
    const memory = open(directory).of("p")
    expect(memory.recall("index", "a", 1)).toBeUndefined()
    memory.remember("index", "a", 1, Buffer.from("1"))
    expect(text(memory.recall("index", "a", 1))).toBe("1")
  })

  it("drops what another version remembered", () => {
    const directory = scratch()
    const old = openBlobCache(directory, { version: 7 })
    old.of("p").remember("index", "a", 1, Buffer.from("old meaning"))
    old.close()
    expect(open(directory).of("p").recall("index", "a", 1)).toBeUndefined()
  })

  it("never gives back a value whose bytes changed on the disk", () => {
    const directory = scratch()
    const first = openBlobCache(directory)
    first.of("p").remember("index", "a", 1, Buffer.from("the value before the bit rot"))
    first.close()
    const file = join(directory, "cache.sqlite")
    const at = readFileSync(file).indexOf("before the bit rot")
    expect(at).toBeGreaterThan(0)
    const descriptor = openSync(file, "r+")
    writeSync(descriptor, "B", at)
    closeSync(descriptor)
    expect(open(directory).of("p").recall("index", "a", 1)).toBeUndefined()
  })

  it("goes on without what it cannot read", () => {
    const directory = scratch()
    const first = openBlobCache(directory)
    for (let n = 0; n < 300; n++) first.of("p").remember("index", `n${n}`, n, Buffer.alloc(500, n))
    first.close()
    const file = join(directory, "cache.sqlite")
    const descriptor = openSync(file, "r+")
    for (let page = 2; page * 4096 < statSync(file).size; page++) {
      writeSync(descriptor, Buffer.alloc(200, 0xa5), 0, 200, page * 4096)
    }
    closeSync(descriptor)
    const cache = open(directory)
    for (let n = 0; n < 300; n++) {
      const value = cache.of("p").recall("index", `n${n}`, n)
      if (value !== undefined) expect(Buffer.from(value).equals(Buffer.alloc(500, n))).toBe(true)
    }
    expect(cache.lastError).toBeDefined()
  })

  it("forgets what was not used for long, and counts a use", () => {
    const day = 86_400_000
    let now = 1000 * day
    const cache = open(scratch(), { now: () => now })
    const memory = cache.of("p")
    memory.remember("index", "used", 1, Buffer.from("1"))
    memory.remember("index", "unused", 1, Buffer.from("2"))
    now += 60 * day
    memory.recall("index", "used", 1)
    now += 60 * day
    expect(cache.prune(90)).toBe(1)
    expect(text(memory.recall("index", "used", 1))).toBe("1")
    expect(memory.recall("index", "unused", 1)).toBeUndefined()
  })

  it("serves a worker thread while the main thread uses it", async () => {
    const directory = scratch()
    const memory = open(directory).of("p")
    const code = compiled("server/db", "storage")
    const script = join(code, "worker.mjs")
    writeFileSync(
      script,
      `import { parentPort, workerData } from "node:worker_threads"
       import { openBlobCache } from "./server/db/index.js"
       const cache = openBlobCache(workerData)
       for (let n = 0; n < 200; n++) cache.of("p").remember("w", String(n), n, Buffer.from("w" + n))
       parentPort.postMessage(cache.lastError === undefined ? "fine" : String(cache.lastError))
       cache.close()`,
    )
    const worker = new Worker(script, { workerData: directory })
    const said = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))
    for (let n = 0; n < 200; n++) memory.remember("m", String(n), n, Buffer.from(`m${n}`))
    expect(await said).toBe("fine")
    for (let n = 0; n < 200; n++) {
      expect(text(memory.recall("w", String(n), n))).toBe(`w${n}`)
      expect(text(memory.recall("m", String(n), n))).toBe(`m${n}`)
    }
    expect(opened[0]?.lastError).toBeUndefined()
  })

  it("is readable by its owner only", () => {
    const directory = scratch()
    open(directory)
    expect(statSync(join(directory, "cache.sqlite")).mode & 0o777).toBe(0o600)
    const connection = openSqlite(join(directory, "cache.sqlite"), { readonly: true })
    expect(connection.pragma("user_version", { simple: true })).toBe(1)
    connection.close()
  })
})
