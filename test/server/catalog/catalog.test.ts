import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { CatalogParts, StoreConnection } from "../../../server/catalog/index.js"
import { until } from "../../support/until.js"
import {
  kopiaDocument,
  kopiaScene,
  PRESENT,
  resticDocument,
  resticScene,
  type Scene,
} from "../answers/scene.js"
import { scratch } from "../../support/fixtures.js"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

function kept<T extends Scene>(scene: T): T {
  scenes.push(scene)
  return scene
}

/** Connects as usual, and can end the newest thread as a crash would. */
class MortalThreads {
  starts = 0
  #newest: { connection: StoreConnection; died: (error: Error) => void } | undefined

  readonly connect =
    (connect: CatalogParts["connect"]): CatalogParts["connect"] =>
    (store, methods, died) => {
      this.starts++
      const connection = connect(store, methods, died)
      this.#newest = { connection, died }
      return connection
    }

  kill(): void {
    const thread = this.#newest
    thread?.connection.rpc.abandon(new Error("the thread ended with code 134"))
    thread?.died(new Error("the thread ended with code 134"))
  }
}

describe("a thread that reads a store and ends", () => {
  it("is started again, and what was known before still counts", async () => {
    const scene = kept(kopiaScene())
    const threads = new MortalThreads()
    const chain = await scene.start({ connect: threads.connect })
    await chain.apply(kopiaDocument(scene.store))
    expect(await chain.verdict(PRESENT)).toBe("restore")
    const before = threads.starts
    scene.clock.monoOffset += 1_000
    threads.kill()
    expect(threads.starts).toBe(before + 1)
    expect(await chain.verdict(PRESENT)).toBe("restore")
    expect(await chain.verdict("media/brand-new")).toBe("fresh")
    const [shared] = chain.views.repositories().repositories
    expect(shared).toMatchObject({ name: "shared", state: "ok", snapshots: 63 })
  })

  it("in the middle of a listing leaves a trouble, and no request without an answer", async () => {
    const scene = kept(kopiaScene())
    const threads = new MortalThreads()
    const chain = await scene.start({ connect: threads.connect })
    await chain.apply(kopiaDocument(scene.store))
    const asked = chain.verdict("media/brand-new")
    threads.kill()
    expect(await asked).toBe("repository_unreadable")
    await until(
      () => chain.verdict("media/brand-new"),
      (verdict) => verdict === "fresh",
      "another thread",
    )
  })

  it("as soon as it starts is not started all the time, and answers are not waited for", async () => {
    const scene = kept(kopiaScene())
    const threads = new MortalThreads()
    const chain = await scene.start({ connect: threads.connect })
    await chain.apply(kopiaDocument(scene.store))
    const before = threads.starts
    for (let deaths = 0; deaths < 5; deaths++) threads.kill()
    expect(threads.starts).toBe(before)
    expect(await chain.verdict(PRESENT)).toBe("repository_unreadable")
    await until(
      () => threads.starts,
      (starts) => starts > before,
      "another thread",
    )
    expect(await chain.verdict(PRESENT)).toBe("restore")
  })
})

describe("repositories that are found by looking", () => {
  it("are found at their depth, and nothing else is", async () => {
    const scene = kept(resticScene())
    scene.put("restic/media/sonarr", "restic/movers/media/sonarr")
    mkdirSync(scene.path("restic/@eaDir/x"), { recursive: true })
    writeFileSync(scene.path("restic/media/notes.txt"), "")
    mkdirSync(scene.path("restic/media/Not A Volume"))
    const chain = await scene.start()
    await chain.apply(resticDocument(scene.store))
    const held = await until(
      () => chain.catalog.views().map(({ spec }) => spec.directory.slice(scene.store.length + 1)),
      (found) => found.length >= 3,
      "the members of both trees",
    )
    expect(held.sort()).toEqual(["home/home/initialised-only", "restic/media/radarr", "restic/media/sonarr"])
    expect(chain.catalog.discovery("media")).toMatchObject({ trouble: undefined })
  })

  it("say so when the folder of the tree is gone", async () => {
    const scene = kept(resticScene())
    rmSync(scene.path("restic"), { recursive: true })
    const chain = await scene.start()
    await chain.apply(resticDocument(scene.store))
    const search = await until(
      () => chain.catalog.discovery("media"),
      (seen) => seen?.trouble !== undefined,
      "the trouble of the search",
    )
    expect(search?.trouble).toContain("restic")
  })

  it("that are only asked for are not kept", async () => {
    const scene = kept(resticScene())
    const chain = await scene.start()
    await chain.apply(resticDocument(scene.store))
    for (const name of ["a", "b", "c"]) expect(await chain.verdict(`media/${name}`)).toBe("fresh")
    expect(chain.catalog.views().some(({ spec }) => /media\/[abc]$/.test(spec.directory))).toBe(false)
  })
})

describe("a password", () => {
  it("that was wrong is read again with the next listing", async () => {
    const scene = kept(kopiaScene())
    const file = join(scratch(), "password")
    writeFileSync(file, "not this one")
    const document = kopiaDocument(scene.store) as { repositories: { name: string; password: object }[] }
    for (const repository of document.repositories)
      if (repository.name === "shared") repository.password = { file }
    const chain = await scene.start()
    await chain.apply(document)
    expect(await chain.verdict(PRESENT)).toBe("wrong_password")
    writeFileSync(file, "cluster-shared-password")
    expect(await chain.verdict(PRESENT)).toBe("restore")
  })

  it("whose file is missing is asked for again, too", async () => {
    const scene = kept(kopiaScene())
    const file = join(scratch(), "password")
    const document = kopiaDocument(scene.store) as { repositories: { name: string; password: object }[] }
    for (const repository of document.repositories)
      if (repository.name === "shared") repository.password = { file }
    const chain = await scene.start()
    await chain.apply(document)
    expect(await chain.verdict(PRESENT)).toBe("password_missing")
    writeFileSync(file, "cluster-shared-password")
    expect(await chain.verdict(PRESENT)).toBe("restore")
    expect(chain.logged.join("\n")).not.toContain("cluster-shared-password")
  })
})

describe("a store that is taken out of the document", () => {
  it("takes its repositories with it and leaves the daemon running", async () => {
    const scene = kept(kopiaScene())
    const chain = await scene.start()
    await chain.apply(kopiaDocument(scene.store))
    expect(await chain.verdict(PRESENT)).toBe("restore")
    await chain.apply({ clusters: [{ name: "home", networks: ["10.0.0.0/8"] }] })
    expect(chain.catalog.views()).toEqual([])
    expect(await chain.verdict(PRESENT)).toBe("no_restore_repository")
  })
})

describe("a change in a watched repository", () => {
  it("is listed by itself, within a second", async () => {
    const scene = kept(resticScene())
    const chain = await scene.start({ events: true })
    await chain.apply(resticDocument(scene.store))
    expect(await chain.verdict("media/radarr")).toBe("restore")
    const snapshots = scene.path("restic/media/radarr/snapshots")
    const away = scratch()
    for (const name of readdirSync(snapshots)) renameSync(join(snapshots, name), join(away, name))
    const { decision } = await until(
      () => chain.remembered("media/radarr"),
      (seen) => seen.decision !== "restore",
      "the loss to be noticed",
      3_000,
    )
    expect(decision).toBe("unknown")
  })
})
