import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { StorageError } from "../../../../storage/errors.js"
import { KernelServer } from "../../../../storage/nfs/index.js"
import { Chain, SettableClock } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"
import { until } from "../../../support/until.js"
import { holding, WatchedServer } from "../../../support/watched-server.js"

// When the keeper of the exports looks, and beside whom.

const OWNER = "0123456789abcdef"
const SELDOM_MS = 3_600_000

let machine: ExportfsMachine
let server: WatchedServer
let store: string
let chain: Chain
let reload: () => Promise<readonly string[]>
/** Whether something of ours may be there from before. */
let holds: boolean
let closed: number

class CountingClock extends SettableClock {
  asked = 0

  override now(): ReturnType<SettableClock["now"]> {
    this.asked++
    return super.now()
  }
}

const clock = new CountingClock()

beforeEach(() => {
  machine = new ExportfsMachine()
  reload = () => machine.reload()
  holds = true
  closed = 0
  server = new WatchedServer(new KernelServer(OWNER, () => reload(), machine.files))
  store = scratch()
  for (const name of ["kopia", "restic"]) mkdirSync(join(store, name))
  const close = (): Promise<void> => {
    closed++
    return Promise.resolve()
  }
  const made = { server, mayHold: () => holds, isStale: () => false, close }
  chain = new Chain({
    state: scratch(),
    clock,
    makeNfsServer: ({ kind }) => (kind === "none" ? undefined : made),
  })
})

afterEach(async () => {
  server.before = () => undefined
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

const keeper = (): Chain["administration"]["exportKeeper"] => chain.administration.exportKeeper

function declare(paths: readonly string[], more: object = {}): Promise<void> {
  const squash = { uid: 568, gid: 568 }
  return chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
    exports: paths.map((path) => ({ store: "nas", path, cluster: "home", access: "readWrite", squash })),
    ...more,
  })
}

/** Started, with what it does then behind it. */
async function started(everyMs = SELDOM_MS): Promise<void> {
  keeper().start(everyMs)
  await keeper().look()
}

const exported = (name: string): boolean => machine.etab.includes(`${join(store, name)}\t`)

/** Waits until whatever wants something of the store has had several chances to get it: the store answers in turn. */
async function storeAnswered(times = 10): Promise<void> {
  for (let time = 0; time < times; time++) await chain.catalog.stores.locate("nas", [store])
}

describe("a look at the exports", () => {
  it("is not made before the start, nor after the end", async () => {
    await declare(["kopia"])
    await keeper().look()
    // Rows are shown, and no more.
    expect([server.count("plan"), server.count("apply")]).toEqual([0, 0])
    await started()
    expect(exported("kopia")).toBe(true)
    await keeper().stop()
    const before = server.calls.length
    await keeper().look()
    expect(server.calls).toHaveLength(before)
  })

  it("that is asked for during another one is made after it", async () => {
    await declare(["kopia"])
    await started()
    const before = server.count("state")
    const release = holding(server, "state")
    const looks = [keeper().look(), keeper().look(), keeper().look()]
    release()
    await Promise.all(looks)
    expect(server.count("state")).toBe(before + 2)
  })

  it("is under way when it stops: that one is waited for, none follows it, and the server is closed", async () => {
    await declare(["kopia"])
    await started()
    const at = server.count("state")
    const release = holding(server, "state")
    void keeper().look()
    void keeper().look()
    await until(
      () => server.count("state"),
      (count) => count === at + 1,
      "the look",
    )
    let stopped = false
    const stop = keeper()
      .stop()
      .then(() => (stopped = true))
    await storeAnswered()
    expect({ stopped, closed }).toEqual({ stopped: false, closed: 0 })
    release()
    await stop
    expect(server.count("state")).toBe(at + 1)
    expect(closed).toBe(1)
  })

  it("waits while an administrator applies, and the other way round", async () => {
    await declare(["kopia"])
    await started()
    writeFileSync(machine.files.etab, "")
    const release = holding(server, "apply")
    const look = keeper().look()
    await until(
      () => server.calls.at(-1),
      (call) => call === "apply",
      "the keeper to apply",
    )
    const calls = server.calls.length
    const applied = chain.administration.applyExports({ dryRun: false, replace: false }, "test")
    await storeAnswered()
    expect(server.calls).toHaveLength(calls)
    release()
    await look
    // There is nothing left for it to do.
    expect(await applied).toMatchObject({ applied: false, notLoaded: false })
    expect(exported("kopia")).toBe(true)
  })

  it("leaves alone what somebody else exports, and is no reason to load all again", async () => {
    await declare(["kopia"])
    await started()
    machine.exports(`${store} 172.16.0.0/12(ro,sync,no_subtree_check)\n`)
    machine.load()
    expect(machine.etab).toContain(`${store}\t172.16.0.0/12`)
    const before = server.count("apply")
    await keeper().look()
    expect(server.count("apply")).toBe(before)
    expect(machine.etab).toContain(`${store}\t172.16.0.0/12`)
  })

  it("asks no store that hangs for its fence every time", async () => {
    await declare(["kopia"])
    await started()
    const { stores } = chain.catalog
    stores.hang = () => ({ since: Date.now(), message: "store nas does not answer", hint: "wait" })
    await keeper().look()
    let asked = 0
    const checkFences = stores.checkFences.bind(stores)
    stores.checkFences = (...args) => {
      asked++
      return checkFences(...args)
    }
    await keeper().stop()
    await started(5)
    asked = 0
    const after = clock.asked + 20
    await until(
      () => clock.asked,
      (count) => count > after,
      "some ticks",
    )
    expect(asked).toBe(0)
    expect(exported("kopia")).toBe(true)
  })
})

describe("a problem with the server", () => {
  const failing = async (): Promise<void> => {
    await declare(["kopia"])
    await started()
    reload = () => Promise.reject(new StorageError("missing", "there is no program exportfs"))
    await declare(["restic"])
    expect(keeper().problem).toMatchObject({ code: "missing" })
  }

  it("is none any more where nothing is to be exported", async () => {
    await failing()
    holds = false
    await declare([])
    expect(keeper().problem).toBeUndefined()
  })

  it("is none any more where the exports are left to somebody else", async () => {
    await failing()
    await declare(["restic"], { nfsServer: { kind: "none" } })
    expect(keeper().problem).toBeUndefined()
  })

  it("that does not answer is not met twice in one look", async () => {
    await declare(["kopia"])
    await started()
    reload = () => Promise.reject(new StorageError("timeout", "exportfs did not answer within 10 s"))
    const before = server.count("apply")
    await declare(["kopia", "restic"])
    expect(server.count("apply")).toBe(before + 1)
  })

  it("is that somebody changed our file since it was looked at: it is not overwritten", async () => {
    await declare(["kopia"])
    await started()
    const changed = `${store}/kopia *(rw,sync,no_subtree_check)\n`
    server.before = (call) => {
      if (call === "apply") writeFileSync(machine.files.own, changed)
    }
    await declare(["kopia", "restic"])
    expect(keeper().problem?.message).toContain("was not written by")
    expect(exported("restic")).toBe(false)
  })
})
