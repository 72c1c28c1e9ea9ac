import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { Chain } from "../../support/answers.js"
import { filesBelow } from "../../support/damage.js"
import { scratch } from "../../support/fixtures.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import {
  kopiaDocument,
  kopiaScene,
  PRESENT,
  resticDocument,
  resticScene,
  type Scene,
} from "../answers/scene.js"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

async function kopiaRunning(): Promise<{ scene: Scene; chain: Chain }> {
  const scene = kopiaScene()
  scenes.push(scene)
  const chain = await scene.start()
  await chain.apply(kopiaDocument(scene.store))
  expect(await chain.verdict(PRESENT)).toBe("restore")
  return { scene, chain }
}

async function resticRunning(): Promise<{ scene: Scene; chain: Chain }> {
  const scene = resticScene()
  scenes.push(scene)
  const chain = await scene.start()
  await chain.apply(resticDocument(scene.store))
  expect(await chain.verdict("media/radarr")).toBe("restore")
  return { scene, chain }
}

describe("another repository in the place of the pinned one", () => {
  async function swapped(): Promise<{ chain: Chain; id: string }> {
    const { scene, chain } = await kopiaRunning()
    rmSync(scene.path("kopia/home"), { recursive: true })
    const identity = { user: "jellyfin-config", host: "media", path: "/data" }
    const options = { password: "cluster-shared-password", snapshots: 3, identities: [identity] }
    const { uniqueId } = new SyntheticKopia(scene.path("kopia/home"), options)
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("repository_changed")
    return { chain, id: uniqueId.toString("hex") }
  }

  it("is accepted by its id, and then every loss has still to be accepted", async () => {
    const { chain, id } = await swapped()
    const { changes } = chain.administration.acceptRepository("shared", { id }, "admin")
    expect(changes).toEqual([expect.stringContaining(id)])
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("newest_known_gone")
    const gone = { gone: "jellyfin-config@media:/data" }
    expect(chain.administration.acceptRepository("shared", gone, "admin").changes).not.toEqual([])
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("restore")
    expect(await chain.verdict("media/sonarr")).toBe("newest_known_gone")
  })

  it("is not accepted by the id of any other", async () => {
    const { chain, id } = await swapped()
    const other = { id: id.split("").reverse().join("") }
    expect(() => chain.administration.acceptRepository("shared", other, "admin")).toThrow(
      expect.objectContaining({
        status: 409,
        code: "stale",
      }),
    )
    expect(await chain.verdict(PRESENT)).toBe("repository_changed")
  })

  it("stays accepted over a restart", async () => {
    const { chain, id } = await swapped()
    chain.administration.acceptRepository("shared", { id }, "admin")
    const [scene] = scenes
    const again = await scene?.start()
    expect(await again?.verdict(PRESENT)).toBe("newest_known_gone")
  })
})

describe("snapshots that are gone", () => {
  it("are given up one identity at a time, down to one that is still there", async () => {
    const { scene, chain } = await resticRunning()
    const folder = scene.path("restic/media/radarr/snapshots")
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
    await chain.lookAgain()
    expect(await chain.verdict("media/radarr")).toBe("newest_known_gone")
    const path = "restic/media/radarr"
    const { changes } = chain.administration.acceptRepository("media", { path, gone: "*" }, "admin")
    expect(changes).toHaveLength(5)
    expect(await chain.verdict("media/radarr")).toBe("fresh")
    const again = await scene.start()
    expect(await again.verdict("media/radarr")).toBe("fresh")
  })

  it("that come back are restored", async () => {
    const { scene, chain } = await resticRunning()
    const folder = scene.path("restic/media/radarr/snapshots")
    const away = join(scratch(), "snapshots")
    renameSync(folder, away)
    await chain.lookAgain()
    expect(await chain.verdict("media/radarr")).toBe("repository_corrupt")
    renameSync(away, folder)
    expect(await chain.verdict("media/radarr")).toBe("restore")
  })

  it("of a tree are not accepted without saying in which directory", async () => {
    const { chain } = await resticRunning()
    const request = { gone: "*" }
    expect(() => chain.administration.acceptRepository("media", request, "admin")).toThrow(
      expect.objectContaining({
        status: 400,
        code: "which_directory",
      }),
    )
  })
})

describe("index files that are gone", () => {
  it("are accepted as lost; what they held is then missing, and that is accepted apart", async () => {
    const { scene, chain } = await kopiaRunning()
    const [first = ""] = filesBelow(scene.path("kopia/home"), /^x\/.*\.f$/)
    rmSync(first)
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("index_lost")
    const { changes } = chain.administration.acceptRepository("shared", { lostIndex: true }, "admin")
    expect(changes).toHaveLength(1)
    await chain.lookAgain()
    expect(["restore", "newest_known_gone", "repository_corrupt"]).toContain(await chain.verdict(PRESENT))
    expect(await chain.verdict("media/brand-new")).toBe("fresh")
  })

  it("need no accepting where nothing was lost", async () => {
    const { chain } = await kopiaRunning()
    const nothing = chain.administration.acceptRepository(
      "offsite",
      { gone: "nobody@nowhere:/data" },
      "admin",
    )
    expect(nothing.changes).toEqual([])
  })
})

describe("a store that is fenced", () => {
  it("is accepted by name, with what changed, and its repositories answer again", async () => {
    const { scene, chain } = await kopiaRunning()
    for (const file of filesBelow(scene.path(".cistern"), /./)) appendFileSync(file, "x")
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("store_fenced")
    expect((await chain.administration.stores()).stores[0]).toMatchObject({ name: "nas", state: "fenced" })
    rmSync(scene.path(".cistern"), { recursive: true })
    const { changes, store } = await chain.administration.acceptStore("nas", "admin")
    expect(changes.length).toBeGreaterThan(0)
    expect(store).toMatchObject({ state: "ok", problem: null, repositories: ["shared", "offsite", "before"] })
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("restore")
    const again = await scene.start()
    expect(await again.verdict(PRESENT)).toBe("restore")
  })

  it("because its sentinel is gone is the same store once it is accepted: what is pinned there stays pinned", async () => {
    const { scene, chain } = await kopiaRunning()
    const sentinel = readFileSync(scene.path(".cistern/store.json"), "utf8")
    const id = /"id": "(.*)"/.exec(sentinel)?.[1] ?? ""
    rmSync(scene.path(".cistern"), { recursive: true })
    rmSync(scene.path("kopia/home"), { recursive: true })
    mkdirSync(scene.path("kopia/home"))
    await chain.administration.acceptStore("nas", "admin")
    expect(readFileSync(scene.path(".cistern/store.json"), "utf8")).toContain(id)
    await chain.lookAgain()
    expect(await chain.verdict(PRESENT)).toBe("repository_missing")
    expect(chain.memory.everSeen(`${id}:kopia/home`)).toContain("the kopia repository")
  })

  it("because it is a copy of another declared store cannot be accepted, nor declared", async () => {
    const { scene, chain } = await kopiaRunning()
    const copy = join(scratch(), "copy")
    cpSync(scene.store, copy, { recursive: true })
    const document = kopiaDocument(scene.store) as { stores: object[] }
    const twins = { ...document, stores: [...document.stores, { name: "twin", path: copy, allowRoot: true }] }
    await expect(chain.apply(twins)).rejects.toMatchObject({ status: 409, code: "same_store" })
    rmSync(join(copy, ".cistern"), { recursive: true })
    await chain.apply(twins)
    rmSync(join(copy, ".cistern"), { recursive: true })
    cpSync(scene.path(".cistern"), join(copy, ".cistern"), { recursive: true })
    await expect(chain.administration.acceptStore("twin", "admin")).rejects.toMatchObject({
      code: "same_store",
    })
    expect(await chain.verdict(PRESENT)).toBe("restore")
  })

  it("that nobody declared cannot be accepted", async () => {
    const { chain } = await kopiaRunning()
    await expect(chain.administration.acceptStore("attic", "admin")).rejects.toMatchObject({ status: 404 })
  })
})

describe("fresh once", () => {
  it("lets one volume start empty for a quarter of an hour, whatever stands in the way", async () => {
    const { scene, chain } = await kopiaRunning()
    rmSync(scene.path("kopia/home/kopia.repository.f"))
    expect(await chain.verdict("media/brand-new")).toBe("repository_corrupt")
    const window = chain.administration.freshOnce({ namespace: "media", pvc: "brand-new" }, "admin")
    expect(window).toMatchObject({ cluster: "home", namespace: "media", pvc: "brand-new" })
    expect(await chain.verdict("media/brand-new")).toBe("fresh")
    expect(await chain.verdict("media/another")).toBe("repository_corrupt")
    scene.clock.wallOffset += 15 * 60_000
    expect(await chain.verdict("media/brand-new")).toBe("repository_corrupt")
  })
})
