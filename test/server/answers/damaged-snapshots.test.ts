import { afterEach, describe, expect, it } from "vitest"
import { systemClock } from "../../../server/catalog/index.js"
import type { SnapshotKey } from "../../../server/findings/index.js"
import type { Chain } from "../../support/answers.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import { startDaemon } from "../http/daemon.js"
import { kopiaDocument, kopiaScene, madeUpDocument, PRESENT, Scene } from "./scene.js"

// Verify or a drill found snapshots damaged. What a mover would bring back of them is not the volume's files.

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

const identities = ["data", "other"].map((user) => ({ user, host: "home", path: "/data" }))
const IDENTITY = "data@home:/data"

interface Stage {
  readonly scene: Scene
  readonly chain: Chain
  readonly kopia: SyntheticKopia
  readonly place: string
  /** Of home/data, newest first. */
  readonly snapshots: () => Promise<readonly SnapshotKey[]>
}

async function stage(): Promise<Stage> {
  const scene = new Scene({})
  scenes.push(scene)
  const newest = new Date(scene.clock.now().wall - 3_600_000)
  const kopia = new SyntheticKopia(scene.path("kopia"), { password: "pw", snapshots: 8, identities, newest })
  const chain = await scene.start()
  await chain.apply(madeUpDocument(scene.store))
  expect(await chain.verdict("home/data")).toBe("restore")
  const place = chain.catalog.views()[0]?.spec.place ?? ""
  const snapshots = async () =>
    [...(await chain.catalog.snapshots(place))].filter(({ source }) => source.user === "data").reverse()
  return { scene, chain, kopia, place, snapshots }
}

function damage({ chain, place }: Stage, snapshots: readonly (SnapshotKey | undefined)[], at = 1_000): void {
  chain.integrity.record(
    place,
    snapshots.flatMap((snapshot) =>
      snapshot === undefined
        ? []
        : {
            snapshot,
            identity: IDENTITY,
            result: {
              ok: false as const,
              level: "read" as const,
              at,
              reasons: ["missing_pack"],
              paths: 2,
              sample: ["/data/db"],
              run: "run-1",
            },
          },
    ),
  )
}

const HOUR = 3_600_000

describe("a snapshot that is known to be damaged", () => {
  it("takes the restore back at once, though it was told a moment ago, and names the newest good one", async () => {
    const here = await stage()
    const { chain } = here
    const [newest, second] = await here.snapshots()
    damage(here, [newest])
    const answer = await chain.ask("home/data")
    expect(answer.decision).toBe("unknown")
    expect(answer).toMatchObject({ evidence: { reason: "newest_damaged" } })
    const error = answer.decision === "unknown" ? answer.error : ""
    expect(error).toContain(`The newest that is not known to be damaged is ${second?.id ?? "?"}`)
    expect(error).toContain(`\`kopia snapshot delete ${newest?.id ?? "?"} --delete\``)
    expect(error).toContain("restoreAsOf: ")
    expect(error).toContain(`\`cistern restore ${second?.id ?? "?"} --at ${here.scene.path("kopia")}`)
    expect(await chain.verdict("home/other")).toBe("restore")
  })

  it("of a repository of the real program is told with 503 over the wire, with what to do", async () => {
    const scene = kopiaScene()
    scenes.push(scene)
    const chain = await scene.start()
    await chain.apply(kopiaDocument(scene.store))
    const { port } = await startDaemon({
      answer: (request) =>
        chain.answerer.answer({
          ...request,
          arrivedAt: chain.clock.now(),
          deadline: systemClock.now().mono + 30_000,
        }),
    })
    const url = `http://127.0.0.1:${port}/exists/${PRESENT}?evidence=1`
    const before = await fetch(url)
    expect([before.status, ((await before.json()) as { decision: string }).decision]).toEqual([
      200,
      "restore",
    ])
    const view = chain.catalog.views().find(({ spec }) => spec.directory === scene.path("kopia/home"))
    const place = view?.spec.place ?? ""
    const [namespace = "", pvc = ""] = PRESENT.split("/")
    const own = [...(await chain.catalog.snapshots(place))].filter(
      ({ source, incomplete }) =>
        source.user === pvc && source.host === namespace && incomplete === undefined,
    )
    const newest = own.at(-1)
    const good = own.at(-2)
    if (newest === undefined || good === undefined) throw new Error("the fixture has two snapshots of it")
    const found = {
      level: "read",
      at: 1,
      reasons: ["missing_pack"],
      paths: 1,
      sample: ["/data/x"],
      run: "r",
    } as const
    chain.integrity.record(place, [
      { snapshot: newest, identity: `${pvc}@${namespace}:/data`, result: { ok: false, ...found } },
    ])
    const after = await fetch(url)
    expect(after.status).toBe(503)
    expect(await after.json()).toMatchObject({
      decision: "unknown",
      authoritative: false,
      evidence: { reason: "newest_damaged" },
      error: expect.stringMatching(
        new RegExp(`^newest_damaged: Snapshot ${newest.id} .* ${good.id} of .*restoreAsOf`),
      ) as string,
    })
  })

  it("leaves the volume restore when it is not the newest: the mover would not take it", async () => {
    const here = await stage()
    const [, second] = await here.snapshots()
    damage(here, [second])
    expect(await here.chain.verdict("home/data")).toBe("restore")
  })

  it("has all damaged ones skipped on the way back, and says what was proven of the good one", async () => {
    const here = await stage()
    const [newest, second, third] = await here.snapshots()
    damage(here, [newest, second])
    if (third !== undefined)
      here.chain.integrity.record(here.place, [
        {
          snapshot: third,
          identity: IDENTITY,
          result: { ok: true, level: "restored", at: 1_700_000_000_000 },
        },
      ])
    const answer = await here.chain.ask("home/data")
    const error = answer.decision === "unknown" ? answer.error : ""
    expect(error).toContain(`damaged is ${third?.id ?? "?"} of`)
    expect(error).toContain("(restored on 2023-11-14T22:13:20Z)")
    damage(here, await here.snapshots())
    const none = await here.chain.ask("home/data")
    expect(none.decision === "unknown" ? none.error : "").toContain("No other complete snapshot")
  })

  it("is restore again as soon as it is found whole, or as the damage is withdrawn", async () => {
    const here = await stage()
    const { chain, place } = here
    const [newest] = await here.snapshots()
    if (newest === undefined) throw new Error("there is a snapshot")
    damage(here, [newest])
    expect(await chain.verdict("home/data")).toBe("newest_damaged")
    const result = { ok: true, level: "reachable", at: 2_000 } as const
    chain.integrity.record(place, [{ snapshot: newest, identity: IDENTITY, result }])
    expect(await chain.verdict("home/data")).toBe("newest_damaged")
    chain.integrity.record(place, [
      { snapshot: newest, identity: IDENTITY, result: { ...result, level: "read" } },
    ])
    expect(await chain.verdict("home/data")).toBe("restore")
    damage(here, [newest], 3_000)
    expect(await chain.verdict("home/data")).toBe("newest_damaged")
    chain.integrity.withdraw(place, [newest])
    expect(await chain.verdict("home/data")).toBe("restore")
  })

  it("stays so over a restart of the daemon", async () => {
    const here = await stage()
    damage(here, (await here.snapshots()).slice(0, 1))
    const again = await here.scene.start()
    expect(await again.verdict("home/data")).toBe("newest_damaged")
    expect(await again.verdict("home/other")).toBe("restore")
  })

  it("does not hold back the next backup, and is forgotten when it is deleted", async () => {
    const here = await stage()
    const { chain, kopia, place, scene } = here
    const [newest] = await here.snapshots()
    damage(here, [newest])
    scene.clock.wallOffset += HOUR
    kopia.appendSnapshot(
      { user: "data", host: "home", path: "/data" },
      { start: new Date(scene.clock.now().wall) },
    )
    expect(await chain.verdict("home/data")).toBe("restore")
    expect(chain.integrity.damaged()).toHaveLength(1)
    const wanted = await chain.catalog.snapshots(place)
    expect(wanted.some(({ id }) => id === newest?.id)).toBe(true)
    kopia.removeSnapshot(newest?.id ?? "", new Date(scene.clock.now().wall))
    await chain.lookAgain()
    expect(chain.integrity.damaged()).toEqual([])
    expect(await chain.verdict("home/data")).toBe("restore")
  })
})
