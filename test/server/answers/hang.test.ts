import { Registry } from "prom-client"
import { afterEach, describe, expect, it } from "vitest"
import { fleetMetrics } from "../../../server/administration/index.js"
import { ClusterReadiness } from "../../../server/answers/index.js"
import type { CatalogParts } from "../../../server/catalog/index.js"
import type { Chain } from "../../support/answers.js"
import { kopiaDocument, kopiaScene, PRESENT, resticDocument, resticScene, type Scene } from "./scene.js"

const MINUTE = 60_000

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

/** A thread that a test can hold: in a call into the filesystem, or busy with a listing that goes on. */
class HeldThread {
  /** Milliseconds of the monotonic clock at which the call began. */
  since: number | undefined
  listsForEver = false

  readonly connect =
    (connect: CatalogParts["connect"]): CatalogParts["connect"] =>
    (store, methods, died) => {
      const connection = connect(store, methods, died)
      const call = connection.rpc.call.bind(connection.rpc)
      connection.rpc.call = (method, argument) =>
        this.listsForEver && method === "list" ? new Promise(() => undefined) : call(method, argument)
      const read = (): number | undefined => this.since
      return {
        ...connection,
        pulse: {
          get since() {
            return read()
          },
        },
      }
    }
}

function readinessOf(chain: Chain): ClusterReadiness {
  return new ClusterReadiness({
    clock: chain.clock,
    fleet: () => chain.keeper.fleet,
    view: (place) => chain.catalog.view(place),
    searchTrouble: () => undefined,
    hang: (store) => chain.catalog.stores.hang(store),
    isChanged: (place) => chain.memory.pinOf(place).kind === "changed",
    everSeen: (place) => chain.memory.everSeen(place),
  })
}

async function ready(
  scene = kopiaScene(),
  documentOf: (store: string) => object = kopiaDocument,
  present = PRESENT,
) {
  scenes.push(scene)
  const thread = new HeldThread()
  const chain = await scene.start({ connect: thread.connect })
  await chain.apply(documentOf(scene.store))
  expect(await chain.verdict(present)).toBe("restore")
  await chain.lookAgain()
  const readiness = readinessOf(chain)
  expect(readiness.ready("home")).toEqual({ ok: true })
  return { scene, thread, chain, readiness }
}

/** The thread went into a call, and so much time passed. */
function hangs({ scene, thread }: { scene: Scene; thread: HeldThread }, milliseconds = 11_000): void {
  thread.since = scene.clock.now().mono
  scene.clock.monoOffset += milliseconds
  scene.clock.wallOffset += milliseconds
}

describe("while a store's filesystem does not answer", () => {
  it("its cluster is not ready after ten seconds although its listing is young, and is again when it answers", async () => {
    const set = await ready()
    hangs(set, 9_000)
    expect(set.readiness.ready("home")).toEqual({ ok: true })
    hangs(set, 10_000)
    expect(set.readiness.ready("home")).toEqual({
      ok: false,
      error: expect.stringMatching(
        /^repository shared: The filesystem of store "nas" has not answered since /,
      ) as string,
    })
    set.thread.since = undefined
    expect(set.readiness.ready("home")).toEqual({ ok: true })
  })

  it("a cluster with a repository for each volume is not ready either", async () => {
    const set = await ready(resticScene(), resticDocument, "media/radarr")
    hangs(set)
    expect(set.readiness.ready("home").ok).toBe(false)
  })

  it("a question is answered at once with the store that hangs, and what is known for certain stays so", async () => {
    const set = await ready()
    hangs(set)
    set.thread.listsForEver = true
    const asked = performance.now()
    const answer = await set.chain.ask("media/brand-new")
    expect(performance.now() - asked).toBeLessThan(1_000)
    expect(answer.decision === "unknown" && answer.error).toMatch(
      /^repository_unreadable.*store "nas" has not answered since/,
    )
    expect(await set.chain.verdict(PRESENT)).toBe("restore")
  })

  it("the doctor, the stores, the repositories and the metrics say so, and since when", async () => {
    const set = await ready()
    const { chain, scene } = set
    const registry = new Registry()
    const collect = fleetMetrics(registry, chain.views)
    collect()
    expect(await registry.metrics()).toContain('cistern_store_up{store="nas"} 1')
    const since = new Date(scene.clock.now().wall)
    hangs(set)
    const { stores } = await chain.administration.stores()
    expect(stores).toMatchObject([{ name: "nas", state: "unknown", problem: { code: "store_hangs" } }])
    expect(Math.abs(Date.parse(stores[0]?.since ?? "") - since.getTime())).toBeLessThan(1_000)
    const { checks } = await chain.administration.doctor()
    expect(checks.find(({ name }) => name === "store nas")).toMatchObject({
      status: "fail",
      detail: expect.stringMatching(
        /^The filesystem of store "nas" has not answered since [-\dT:]{19}Z\.$/,
      ) as string,
    })
    expect(chain.views.repositories().repositories[0]).toMatchObject({
      state: "failed",
      problem: { code: "store_hangs" },
    })
    collect()
    const metrics = await registry.metrics()
    expect(metrics).toContain('cistern_store_up{store="nas"} 0')
    expect(metrics).toContain('cistern_repository_up{repository="shared",cluster="home"} 0')
    expect(metrics).toMatch(/cistern_repository_last_listing_timestamp_seconds\{.*"shared".*\} \d/)
    await expect(chain.administration.acceptStore("nas", "eva")).rejects.toMatchObject({ status: 503 })
  })

  it("the log says it once, and once when it answers again", async () => {
    const set = await ready()
    const { chain } = set
    const said = (text: string): number => chain.logged.filter((line) => line.includes(text)).length
    hangs(set)
    await expect.poll(() => said("has not answered since"), { timeout: 5_000 }).toBe(1)
    set.thread.since = undefined
    await expect.poll(() => said("answers again"), { timeout: 5_000 }).toBe(1)
    expect(said("has not answered since")).toBe(1)
  })
})

describe("a listing that takes long and goes on", () => {
  it("takes readiness from nobody until the one before it is too old", async () => {
    const set = await ready()
    const { chain, scene, thread, readiness } = set
    thread.listsForEver = true
    const waiting = chain.lookAgain()
    for (let minutes = 1; minutes <= 19; minutes++) {
      scene.clock.monoOffset += MINUTE
      scene.clock.wallOffset += MINUTE
      // Each of its calls comes back.
      thread.since = scene.clock.now().mono - 2_000
      expect(readiness.ready("home")).toEqual({ ok: true })
    }
    scene.clock.monoOffset += 2 * MINUTE
    scene.clock.wallOffset += 2 * MINUTE
    thread.since = scene.clock.now().mono
    expect(readiness.ready("home")).toEqual({
      ok: false,
      error: "repository shared: its newest listing is too old",
    })
    void waiting
  })

  it("as the first one is not ready, and says that it was not listed yet", async () => {
    const scene = kopiaScene()
    scenes.push(scene)
    const thread = new HeldThread()
    thread.listsForEver = true
    const chain = await scene.start({ connect: thread.connect })
    await chain.apply(kopiaDocument(scene.store))
    thread.since = scene.clock.now().mono - 2_000
    expect(readinessOf(chain).ready("home")).toEqual({
      ok: false,
      error: "repository shared: not listed yet",
    })
  })
})
