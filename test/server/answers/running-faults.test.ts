import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { CatalogParts } from "../../../server/catalog/index.js"
import type { Chain } from "../../support/answers.js"
import { damages, filesBelow } from "../../support/damage.js"
import { type KopiaIdentity, SyntheticKopia } from "../../support/synthetic-kopia.js"
import { SyntheticRestic } from "../../support/synthetic-restic.js"
import {
  ABSENT,
  kopiaDocument,
  kopiaScene,
  lentOptions,
  PRESENT,
  resticDocument,
  resticScene,
  Scene,
} from "./scene.js"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

const PASSWORD = "cluster-shared-password"
const present: KopiaIdentity = { user: "jellyfin-config", host: "media", path: "/data" }
const absent: KopiaIdentity = { user: "brand-new", host: "media", path: "/data" }

/** The scene of the shared repository, with one in its place whose writer is in the test's hand. */
async function written(identities: readonly KopiaIdentity[] = [present]) {
  const scene = new Scene({ "kopia/offsite": "kopia/format-1" })
  scenes.push(scene)
  scene.clock.wallOffset = 0
  const options = { password: PASSWORD, snapshots: 2, identities }
  const kopia = new SyntheticKopia(scene.path("kopia/home"), options)
  const chain = await scene.start()
  await chain.apply(kopiaDocument(scene.store))
  return { scene, kopia, chain }
}

describe("a new volume of a shared Kopia repository is not fresh when", () => {
  it("its first backup begins, and is again two hours after a killed writer's last sign of life", async () => {
    const { scene, kopia, chain } = await written()
    expect(await chain.verdict(ABSENT)).toBe("fresh")
    kopia.openSession(absent)
    expect(await chain.verdict(ABSENT)).toBe("backup_running")
    expect(await (await scene.start()).verdict(ABSENT)).toBe("backup_running")
    scene.clock.wallOffset = 2 * 3_600_000 + 60_000
    expect(await (await scene.start()).verdict(ABSENT)).toBe("fresh")
  })

  it("somebody's backup begins, and the mark does not say whose it is", async () => {
    const { scene, chain } = await written()
    const marker = join(scene.path("kopia/home"), "s", "ddd", `${"d".repeat(29)}-s0123456789abcdef147.f`)
    mkdirSync(join(marker, ".."), { recursive: true })
    writeFileSync(marker, "scrambled")
    expect(await chain.verdict(ABSENT)).toBe("backup_running")
  })

  it("its first backup is incomplete", async () => {
    const { kopia, chain } = await written()
    kopia.appendSnapshot(absent, { incomplete: "checkpoint" })
    expect(await chain.verdict(ABSENT)).toBe("newest_incomplete")
  })

  it("its first backup was seen and is deleted again", async () => {
    const { scene, kopia, chain } = await written()
    const first = kopia.appendSnapshot(absent)
    expect(await chain.verdict(ABSENT)).toBe("restore")
    kopia.removeSnapshot(first.id)
    await chain.lookAgain()
    expect(await chain.verdict(ABSENT)).toBe("newest_known_gone")
    expect(await (await scene.start()).verdict(ABSENT)).toBe("newest_known_gone")
  })

  it.each([
    ["another path", { ...absent, path: "/var/lib/data" }],
    ["the bare name of another convention", { user: "brand-new-dst", host: "media", path: "/data" }],
    ["a name that contains its own", { user: "old-brand-new", host: "elsewhere", path: "/vol" }],
  ])("a snapshot appears under a similar identity: %s", async (_, identity) => {
    const { scene, kopia, chain } = await written()
    kopia.appendSnapshot(identity)
    const told = await chain.verdict(ABSENT)
    expect(told).not.toBe("fresh")
    expect(await (await scene.start()).verdict(ABSENT)).toBe(told)
  })

  it("a session of another volume changes nothing, because it writes that volume's backup only", async () => {
    const { kopia, chain } = await written()
    kopia.openSession(present)
    expect(await chain.verdict(ABSENT)).toBe("fresh")
  })
})

describe("a new restic volume is not fresh when", () => {
  it("a young lock lies in its repository without snapshots, and is when the lock is old", async () => {
    const scene = resticScene()
    scenes.push(scene)
    scene.clock.wallOffset = 0
    const restic = new SyntheticRestic(scene.path("restic/media/starting"), {
      password: "radarr-pw",
      snapshots: 0,
    })
    const chain = await scene.start()
    await chain.apply(resticDocument(scene.store))
    expect(await chain.verdict("media/starting")).toBe("fresh")
    restic.lock()
    expect(await chain.verdict("media/starting")).toBe("backup_running")
    scene.clock.wallOffset = 31 * 60_000
    expect(await chain.verdict("media/starting")).toBe("fresh")
  })
})

describe("time that does not pass as it should", () => {
  /** From when it is told to, listings begin and never end: a hung mount. */
  class HungStore {
    hangs = false
    readonly connect =
      (connect: CatalogParts["connect"]): CatalogParts["connect"] =>
      (store, methods, died) => {
        const connection = connect(store, methods, died)
        const { rpc } = connection
        const call = rpc.call.bind(rpc)
        Object.assign(rpc, {
          call: (method: string, argument: never) =>
            this.hangs && method === "list" ? new Promise(() => undefined) : call(method, argument),
        })
        return connection
      }
  }

  async function hung(): Promise<{ scene: Scene; chain: Chain; store: HungStore }> {
    const scene = kopiaScene()
    scenes.push(scene)
    const store = new HungStore()
    const chain = await scene.start({ connect: store.connect })
    await chain.apply(kopiaDocument(scene.store))
    expect([await chain.verdict(ABSENT), await chain.verdict(PRESENT)]).toEqual(["fresh", "restore"])
    store.hangs = true
    return { scene, chain, store }
  }

  it("a listing that does not end in time makes no volume fresh; a known one is restored for five minutes", async () => {
    const { scene, chain } = await hung()
    // Where the volume's own guard would lie was never looked at.
    expect(await chain.verdict(ABSENT, "home", 300)).toBe("store_not_checked")
    expect(await chain.verdict(PRESENT, "home", 300)).toBe("restore")
    scene.clock.monoOffset += 5 * 60_000 + 1
    scene.clock.wallOffset += 5 * 60_000 + 1
    expect(await chain.verdict(ABSENT, "home", 300)).not.toBe("fresh")
    expect(await chain.verdict(PRESENT, "home", 300)).toBe("listing_too_old")
  })

  it.each([
    ["forward", 6 * 60_000],
    ["back", -3_600_000],
  ])("a wall clock that jumps %s makes every listing old", async (_, jump) => {
    const { scene, chain } = await hung()
    scene.clock.wallOffset += jump
    expect(await chain.verdict(PRESENT, "home", 300)).toBe("listing_too_old")
    expect(await chain.verdict(ABSENT, "home", 300)).not.toBe("fresh")
  })
})

describe("with pvc-plumber's variables", () => {
  const KNOWN = "media/radarr"

  async function lent(lasts: boolean): Promise<{ scene: Scene; chain: Chain }> {
    const scene = new Scene({ "kopia/home": "kopia/cluster-shared" })
    scenes.push(scene)
    const passing = { kind: "does_not_last", directory: scene.state, why: "a tmpfs" } as const
    const options = { ...lentOptions(scene), durability: lasts ? ({ kind: "lasts" } as const) : passing }
    return { scene, chain: await scene.start(options) }
  }

  it("a repository that holds nothing older than a day proves nothing where the state does not last", async () => {
    const scene = new Scene({})
    scenes.push(scene)
    scene.clock.wallOffset = 0
    const identities = [{ user: "radarr-backup", host: "media", path: "/data" }]
    const repositoryPath = scene.path("kopia/home")
    new SyntheticKopia(repositoryPath, { password: PASSWORD, snapshots: 1, identities, newest: new Date() })
    const options = lentOptions(scene)
    const durable = await scene.start(options)
    expect(await durable.verdict(ABSENT, "cluster")).toBe("fresh")
    const why = { kind: "does_not_last", directory: scene.state, why: "a tmpfs" } as const
    const passing = await scene.start({ ...options, durability: why })
    expect(await passing.verdict(ABSENT, "cluster")).toBe("state_not_durable")
    expect(await passing.verdict(KNOWN, "cluster")).toBe("restore")
  })

  it("where the state does not last, a fault while it runs is noticed all the same", async () => {
    const { scene, chain } = await lent(false)
    expect(await chain.verdict(ABSENT, "cluster")).toBe("fresh")
    const [first = ""] = filesBelow(scene.path("kopia/home"), /^x\/.*\.f$/)
    damages.removed(first)
    expect(await chain.verdict(ABSENT, "cluster")).toBe("index_lost")
    await chain.lookAgain()
    expect(await chain.verdict(KNOWN, "cluster")).toBe("index_lost")
  })
})
