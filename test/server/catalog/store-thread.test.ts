import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import type * as StoreThread from "../../../server/catalog/store-thread.js"
import type { CatalogMethods, PlaceSpec } from "../../../server/catalog/index.js"
import { compiled } from "../../support/compiled.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"

let startStoreThread: typeof StoreThread.startStoreThread
beforeAll(async () => {
  // A worker runs JavaScript only, so that the real one is made of the real source.
  const root = compiled("server", "storage")
  const module = pathToFileURL(join(root, "server/catalog/store-thread.js")).href
  ;({ startStoreThread } = (await import(module)) as typeof StoreThread)
})

const methods: CatalogMethods = {
  changed: () => undefined,
  recallKey: () => Promise.resolve(undefined),
  rememberKey: () => Promise.resolve(),
  beforeExchange: () => Promise.resolve(),
  takeProject: () => Promise.reject(new Error("nobody limits anything here")),
  releaseProject: () => Promise.resolve(),
}
const open: StoreThread.StoreConnection[] = []
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close()
})

function started(stateDirectory: string, died: (error: Error) => void = () => undefined) {
  const connection = startStoreThread({ stateDirectory, events: false }, methods, died)
  open.push(connection)
  return connection
}

function place(name: string, password = String(expectedOf(name).password)): PlaceSpec {
  return { place: name, directory: fixture(name), engine: undefined, password, fences: [] }
}

describe("the thread of a store", () => {
  it("lists a repository, and by the next basis tells only what changed", async () => {
    const { rpc } = started(scratch())
    const first = await rpc.call("list", {
      spec: place("kopia/format-3"),
      previousMarks: [],
      basis: undefined,
      thorough: true,
    })
    if (first.kind !== "listed") throw new Error(JSON.stringify(first))
    expect([first.full, first.header.snapshotCount]).toEqual([true, 9])
    const { marks: previousMarks } = first.header
    const again = await rpc.call("list", {
      spec: place("kopia/format-3"),
      previousMarks,
      basis: first.reading,
      thorough: true,
    })
    expect(again).toMatchObject({ kind: "listed", full: false, delta: { changed: [], removed: [] } })
    const lost = await rpc.call("list", {
      spec: place("kopia/format-3"),
      previousMarks,
      basis: first.reading,
      thorough: true,
    })
    expect(lost).toMatchObject({ kind: "listed", full: true })
  })

  it("carries a reader's error with its code, and that the place is not empty", async () => {
    const { rpc } = started(scratch())
    const request = {
      spec: place("kopia/format-3", "wrong"),
      previousMarks: [],
      basis: undefined,
      thorough: true,
    }
    expect(await rpc.call("list", request)).toMatchObject({
      kind: "failed",
      error: { code: "wrong_password" },
      empty: false,
    })
  })

  it("that cannot start says so once, and nobody waits for it", async () => {
    const file = join(scratch(), "state")
    writeFileSync(file, "")
    const deaths: Error[] = []
    const { rpc } = started(join(file, "below"), (error) => deaths.push(error))
    const asked = rpc.call("discover", { root: "/", depth: 0 })
    await expect(asked).rejects.toThrow()
    await expect(rpc.call("discover", { root: "/", depth: 0 })).rejects.toThrow()
    expect(deaths).toHaveLength(1)
  })

  it("that is closed ends, tells nobody, and refuses what comes later", async () => {
    const deaths: Error[] = []
    const connection = started(scratch(), (error) => deaths.push(error))
    await expect(connection.rpc.call("discover", { root: scratch(), depth: 0 })).resolves.toEqual([""])
    expect(await connection.close()).toBe(true)
    await expect(connection.rpc.call("discover", { root: "/", depth: 0 })).rejects.toThrow("the daemon stops")
    expect(deaths).toEqual([])
  })
})
