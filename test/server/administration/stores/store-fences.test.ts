import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { StoreFences } from "../../../../server/administration/stores/store-fences.js"
import type { StoreEntry } from "../../../../server/config/index.js"
import { Chain } from "../../../support/answers.js"
import { putRepository } from "../../../support/put-repository.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage } from "../../../support/mounts.js"

let chain: Chain
let fences: StoreFences
/** A store, and one beside it whose path begins with the same letters. */
let tank: StoreEntry
let other: StoreEntry

beforeEach(async () => {
  const root = scratch()
  tank = { name: "tank", path: join(root, "tank"), allowRoot: false }
  other = { name: "other", path: join(root, "tank-2"), allowRoot: true }
  mountImage(ext4Image(24), tank.path)
  mountImage(ext4Image(24), join(tank.path, "kopia"))
  mkdirSync(other.path)
  chain = new Chain({ state: scratch() })
  fences = new StoreFences({ catalog: chain.catalog, fences: chain.shelf.fences })
  for (const { path } of [tank, other]) putRepository("kopia/cluster-shared", join(path, "kopia/repository"))
  const repository = {
    cluster: "home",
    engine: "kopia",
    path: "kopia/repository",
    password: { value: "cluster-shared-password" },
    conventions: ["{pvc}@{namespace}:/data"],
  }
  await chain.apply({
    stores: [tank, other],
    clusters: [{ name: "home", networks: ["127.0.0.0/8"] }],
    repositories: [
      { ...repository, name: "one", store: "tank", decides: "restore" },
      { ...repository, name: "two", store: "other", decides: "no" },
    ],
  })
  await chain.lookAgain()
})

afterEach(async () => {
  await chain.stop()
})

const points = (store: StoreEntry): string[] =>
  fences.ofFilesystems(store).map(({ record }) => record.mountPoint)

async function keepMount(store: StoreEntry, path: string): Promise<void> {
  const [one] = await chain.catalog.stores.locate(store.name, [path])
  if (one?.kind !== "found") throw new Error(`${path} is not there`)
  const { realPath, mountPoint, filesystem } = one.location
  chain.shelf.keepMount(store.name, { realPath, mountPoint, filesystem })
}

describe("the filesystems of a store", () => {
  it("are its own, first, and those under its repositories, not those of other stores", () => {
    expect(points(tank)).toEqual([tank.path, join(tank.path, "kopia")])
    expect(fences.ofFilesystems(tank)[0]).toMatchObject({ path: tank.path, store: "tank" })
    expect(fences.placesIn(tank).map(({ directory }) => directory)).toEqual([
      join(tank.path, "kopia/repository"),
    ])
    expect(points(other)).toHaveLength(1)
    expect(fences.ofFilesystems(other)[0]).toMatchObject({ path: other.path, store: "other" })
  })

  it("are also those that are mounted in its exports, each once", async () => {
    const disk = join(tank.path, "disk")
    mountImage(ext4Image(), disk)
    expect(fences.knowsMount(tank, disk)).toBe(false)
    await keepMount(tank, disk)
    await keepMount(tank, join(tank.path, "kopia"))
    expect(fences.knowsMount(tank, disk)).toBe(true)
    expect(fences.knowsMount(other, disk)).toBe(false)
    expect(points(tank).sort()).toEqual([tank.path, disk, join(tank.path, "kopia")].sort())
    expect(points(tank)[0]).toBe(tank.path)
    expect(fences.of(other).map(({ path }) => path)).not.toContain(disk)
  })

  it("are none while the store's own one is not remembered: nothing can be told then", async () => {
    await chain.apply({ stores: [tank] })
    await keepMount(tank, join(tank.path, "kopia"))
    expect(points(tank)).toEqual([tank.path, join(tank.path, "kopia")])
    chain.shelf.fences.remove("store", "tank")
    expect(fences.ofFilesystems(tank)).toEqual([])
  })
})
