import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { Chain } from "../../support/answers.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import { SyntheticRestic } from "../../support/synthetic-restic.js"
import { madeUpDocument, Scene } from "./scene.js"

// An administrator lets a volume that has backups be fresh once; then its mover writes, and then what it wrote vanishes.

const MINUTE = 60_000
const identity = { user: "data", host: "home", path: "/data" }
const OVER = "fresh once is over"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

interface Stage {
  readonly scene: Scene
  readonly chain: Chain
  readonly kopia: SyntheticKopia
  /** The scene's clock, so much later than now. */
  readonly later: (milliseconds: number) => Date
}

/** A volume whose old backups make it `restore`, in a repository of its own making. */
async function stage(): Promise<Stage> {
  const scene = new Scene({})
  scenes.push(scene)
  const later = (milliseconds: number): Date => new Date(scene.clock.now().wall + milliseconds)
  const options = { password: "pw", snapshots: 3, identities: [identity], newest: later(-60 * MINUTE) }
  const kopia = new SyntheticKopia(scene.path("kopia"), options)
  const chain = await scene.start()
  const each = {
    name: "each",
    cluster: "home",
    engine: "restic",
    store: "nas",
    path: "restic/{namespace}/{pvc}",
    password: { value: "pw" },
    namespaces: ["media"],
    new: true,
    decides: "restore",
  }
  await chain.apply(madeUpDocument(scene.store, { namespaces: ["home"] }, each))
  expect(await chain.verdict("home/data")).toBe("restore")
  return { scene, chain, kopia, later }
}

function grant({ chain, scene }: Stage, volume = "home/data"): void {
  const [namespace = "", pvc = ""] = volume.split("/")
  chain.administration.freshOnce({ namespace, pvc }, "eva")
  scene.clock.wallOffset += 1_000
  scene.clock.monoOffset += 1_000
}

const timesSaid = ({ logged }: Chain): number => logged.filter((line) => line.startsWith(OVER)).length
const ends = ({ ledger }: Chain): (string | undefined)[] =>
  ledger.freshOnce.history().map(({ ended }) => ended?.why)

describe("fresh once", () => {
  it("ends with the first complete snapshot, is told once by whom it was granted, and stays over when that vanishes", async () => {
    const set = await stage()
    const { chain, kopia, later } = set
    grant(set)
    expect(await chain.verdict("home/data")).toBe("fresh")

    const first = kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000) })
    // Nobody asks while the snapshot is there.
    await chain.lookAgain()
    expect(ends(chain)).toEqual(["first complete snapshot"])
    expect(chain.logged.filter((line) => line.startsWith(OVER))).toEqual([
      `${OVER}: the volume's first complete backup is there cluster=home namespace=home pvc=data by=eva`,
    ])

    kopia.removeSnapshot(first.id, later(2_000))
    await chain.lookAgain()
    expect(await chain.verdict("home/data")).toBe("newest_known_gone")
    expect(timesSaid(chain)).toBe(1)
  })

  it("stays over when the daemon starts again within the window, and the snapshot vanished meanwhile", async () => {
    const set = await stage()
    const { chain, kopia, later, scene } = set
    grant(set)
    const first = kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000) })
    await chain.lookAgain()
    kopia.removeSnapshot(first.id, later(2_000))
    const again = await scene.start()
    expect(await again.verdict("home/data")).toBe("newest_known_gone")
    expect(ends(again)).toEqual(["first complete snapshot"])
  })

  it("ends with a snapshot that landed while the daemon was down", async () => {
    const set = await stage()
    const { kopia, later, scene } = set
    grant(set)
    kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000) })
    const again = await scene.start()
    expect(await again.verdict("home/data")).toBe("restore")
    expect(ends(again)).toEqual(["first complete snapshot"])
    expect(timesSaid(again)).toBe(1)
  })

  it("goes on through an incomplete snapshot, and through another volume's", async () => {
    const set = await stage()
    const { chain, kopia, later } = set
    grant(set)
    kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000), incomplete: "checkpoint" })
    kopia.appendSnapshot({ ...identity, user: "other" }, { start: later(0), modified: later(1_000) })
    kopia.appendSnapshot({ ...identity, path: "/other" }, { start: later(0), modified: later(1_000) })
    await chain.lookAgain()
    expect(ends(chain)).toEqual([undefined])
    expect(await chain.verdict("home/data")).toBe("fresh")
  })

  it("opened anew after its end counts anew", async () => {
    const set = await stage()
    const { chain, kopia, later } = set
    grant(set)
    kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000) })
    await chain.lookAgain()
    expect(await chain.verdict("home/data")).toBe("restore")
    set.scene.clock.wallOffset += MINUTE
    set.scene.clock.monoOffset += MINUTE
    grant(set)
    expect(await chain.verdict("home/data")).toBe("fresh")
    kopia.appendSnapshot(identity, { start: later(0), modified: later(1_000) })
    await chain.lookAgain()
    expect(await chain.verdict("home/data")).toBe("restore")
    expect(ends(chain)).toEqual(["first complete snapshot", "first complete snapshot"])
    expect(timesSaid(chain)).toBe(2)
  })

  it("ends for good by a snapshot whose clock was ahead when the window was opened, as soon as somebody asks", async () => {
    const set = await stage()
    const { chain, kopia, later } = set
    const ahead = kopia.appendSnapshot(identity, { start: later(MINUTE), modified: later(0) })
    await chain.lookAgain()
    grant(set)
    expect(await chain.verdict("home/data")).toBe("restore")
    kopia.removeSnapshot(ahead.id, later(2_000))
    await chain.lookAgain()
    expect(await chain.verdict("home/data")).toBe("newest_known_gone")
    expect(timesSaid(chain)).toBe(1)
  })

  it("ends in a repository of the volume's own as well", async () => {
    const set = await stage()
    const { chain, scene, later } = set
    const directory = scene.path("restic/media/movies")
    const options = { password: "pw", snapshots: 2, newest: later(-60 * MINUTE) }
    const restic = new SyntheticRestic(directory, options)
    expect(await chain.verdict("media/movies")).toBe("restore")
    grant(set, "media/movies")
    expect(await chain.verdict("media/movies")).toBe("fresh")
    const { id } = restic.appendSnapshot({ time: later(0) })
    await chain.lookAgain()
    expect(ends(chain)).toEqual(["first complete snapshot"])
    rmSync(join(directory, "snapshots", id))
    await chain.lookAgain()
    expect(await chain.verdict("media/movies")).toBe("newest_known_gone")
  })
})
