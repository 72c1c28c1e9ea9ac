import { execFileSync } from "node:child_process"
import { renameSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { afterEach, describe, expect, it } from "vitest"
import { VolatileBlobMemory } from "../../../storage/blobs/index.js"
import {
  type CatalogMethods,
  type PlaceSpec,
  Rpc,
  type StoreMethods,
  StoreService,
} from "../../../server/catalog/index.js"
import { scratch } from "../../support/fixtures.js"
import { writeSyntheticRestic } from "../../support/synthetic-restic.js"
import { until } from "../../support/until.js"

const ports: MessagePort[] = []
afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

/** The service of a store with one restic repository, listed once, as the catalog calls it. */
class Service {
  readonly directory = scratch()
  readonly made = writeSyntheticRestic(this.directory, { password: "known", snapshots: 12 })
  readonly rpc: Rpc<StoreMethods>
  changes = 0
  readonly #spec: PlaceSpec = {
    place: "one",
    directory: this.directory,
    engine: "restic",
    password: "known",
    fences: [],
  }

  constructor() {
    const { port1, port2 } = new MessageChannel()
    ports.push(port1, port2)
    const memory = new VolatileBlobMemory()
    new StoreService(port2, { memoryOf: () => memory, events: true })
    const methods: CatalogMethods = {
      changed: () => this.changes++,
      recallKey: () => Promise.resolve(undefined),
      rememberKey: () => Promise.resolve(),
      beforeExchange: () => Promise.resolve(),
      takeProject: () => Promise.reject(new Error("nobody limits anything here")),
      releaseProject: () => Promise.resolve(),
    }
    this.rpc = new Rpc<StoreMethods>(port1, methods)
  }

  async listed(thorough: boolean) {
    const reply = await this.list(thorough)
    if (reply.kind !== "listed") throw new Error(JSON.stringify(reply))
    return reply
  }

  list(thorough: boolean) {
    return this.rpc.call("list", { spec: this.#spec, previousMarks: [], basis: undefined, thorough })
  }

  name(index: number): string {
    return this.made.snapshots[index]?.id ?? ""
  }

  snapshot(index: number): string {
    return join(this.directory, "snapshots", this.name(index))
  }

  /** The act, and then its file event. */
  async told(act: () => void): Promise<void> {
    const before = this.changes
    act()
    await until(
      () => this.changes,
      (changes) => changes > before,
      "a file event",
    )
  }
}

describe("a listing after a file event", () => {
  it("is as old as the last one that looked at every file, and knows what is new", async () => {
    const service = new Service()
    const first = await service.listed(true)
    await service.told(() => service.made.appendSnapshot())
    const second = await service.listed(false)
    expect(second.header.snapshotCount).toBe(13)
    expect(second.begun).toEqual(first.begun)
    expect(second.finished.mono).toBeGreaterThan(first.finished.mono)
    const third = await service.listed(true)
    expect(third.begun.mono).toBeGreaterThan(second.finished.mono)
  })

  it("notices a known snapshot file that was cut short, because the event names it", async () => {
    const service = new Service()
    await service.listed(true)
    await service.told(() => {
      truncateSync(service.snapshot(3), 5)
    })
    expect(await service.list(false)).toMatchObject({ kind: "failed", error: { code: "corrupt" } })
  })

  it("looks at every file as long as none did so with success", async () => {
    const service = new Service()
    const config = join(service.directory, "config")
    renameSync(config, `${config}.away`)
    expect(await service.list(true)).toMatchObject({ kind: "failed" })
    await service.told(() => {
      renameSync(`${config}.away`, config)
    })
    const { begun, finished } = await service.listed(false)
    const later = await service.listed(false)
    expect(later.begun).toEqual(begun)
    expect(finished.mono).toBeGreaterThan(begun.mono)
  })

  it("looks at every file when another folder took the place of a watched one", async () => {
    const service = new Service()
    await service.listed(true)
    const folder = join(service.directory, "snapshots")
    execFileSync("cp", ["-a", folder, `${folder}.new`])
    await service.listed(true)
    truncateSync(join(`${folder}.new`, service.name(3)), 5)
    await service.told(() => {
      renameSync(folder, `${folder}.old`)
      renameSync(`${folder}.new`, folder)
    })
    expect(await service.list(false)).toMatchObject({ kind: "failed", error: { code: "corrupt" } })
  })

  it("is told of what happens in a folder that took the place of a watched one", async () => {
    const service = new Service()
    await service.listed(true)
    const folder = join(service.directory, "snapshots")
    execFileSync("cp", ["-a", folder, `${folder}.new`])
    await service.told(() => {
      renameSync(folder, `${folder}.old`)
      renameSync(`${folder}.new`, folder)
    })
    await service.listed(false)
    truncateSync(service.snapshot(3), 5)
    // Nothing but its event can tell: no listing looks at every file.
    const reply = await until(
      () => service.list(false),
      ({ kind }) => kind === "failed",
      "the damage",
    )
    expect(reply).toMatchObject({ error: { code: "corrupt" } })
  })
})

describe("the first listing of a place", () => {
  it("is not repeated for the watches that it puts up", async () => {
    const service = new Service()
    await service.listed(true)
    await service.told(() => service.made.appendSnapshot())
    const before = service.changes
    await service.listed(false)
    expect(service.changes).toBe(before)
  })
})
