import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { findingsJson } from "../../server/http/contract/findings.js"
import { ext4Image, mountHung, mountImage, unmount } from "../support/mounts.js"
import { until } from "../support/until.js"
import { cistern } from "./console.js"
import { documentOf, place, sharedKopia } from "./fleet.js"

/** A store is looked at again within a second of any change of the mounts, and every listing looks first. */
const NOTICED_MS = 2_500

const mountedStore = { store: { allowRoot: false } }

/** A filesystem of its own with the fleet's repository in it, mounted. */
function storeImage(at: string): string {
  const image = ext4Image(24)
  mountImage(image, at)
  place("kopia/cluster-shared", join(at, "kopia"))
  return image
}

async function ready(daemon: DaemonProcess): Promise<number> {
  return (await daemon.get("/readyz")).status
}

describe("a store that is unmounted", () => {
  it("is fenced within two seconds, and believed again when the same filesystem is back", async () => {
    const store = join(scratch(), "tank")
    const image = storeImage(store)
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, new: true }], mountedStore),
    })
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("home/brand-new", "fresh")
    expect(await ready(daemon)).toBe(200)

    unmount(store)
    const since = performance.now()
    await daemon.answers("home/brand-new", "store_fenced", NOTICED_MS)
    await daemon.answers("home/home-assistant", "store_fenced", NOTICED_MS)
    expect(performance.now() - since).toBeLessThan(NOTICED_MS)
    expect(await ready(daemon)).toBe(503)

    mountImage(image, store)
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("home/brand-new", "fresh")
    await until(
      () => ready(daemon),
      (status) => status === 200,
      "readiness",
    )
  })

  it("is a finding at once, and none any more when it is back", async () => {
    const store = join(scratch(), "tank")
    const image = storeImage(store)
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia], mountedStore) })
    await daemon.answers("home/home-assistant", "restore")
    const fencedStores = async (): Promise<string[]> => {
      const { stdout } = await cistern(daemon, "findings", "--source", "stores", "--json")
      const { findings } = findingsJson.parse(JSON.parse(stdout))
      return findings.map(({ code }) => code)
    }
    expect(await fencedStores()).toEqual([])
    unmount(store)
    await until(fencedStores, (codes) => codes.includes("store_fenced"), "the finding", 15_000)
    mountImage(image, store)
    await until(fencedStores, (codes) => codes.length === 0, "the finding to close", 15_000)
  })

  it("is fenced without any question being asked, so that readiness tells it", async () => {
    const store = join(scratch(), "tank")
    storeImage(store)
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia], mountedStore) })
    await daemon.answers("home/home-assistant", "restore")
    unmount(store)
    await until(
      () => ready(daemon),
      (status) => status === 503,
      "the daemon to be not ready",
      NOTICED_MS,
    )
  })

  it("is fenced at the next start, too, whatever lies in the bare directory", async () => {
    const store = join(scratch(), "tank")
    storeImage(store)
    const document = documentOf(store, [{ ...sharedKopia, new: true }], mountedStore)
    const first = await startDaemon({ document })
    await first.answers("home/brand-new", "fresh")
    await first.stop()
    unmount(store)
    const second = await startDaemon({ state: first.state })
    await second.answers("home/brand-new", "store_fenced")
    await second.answers("home/home-assistant", "store_fenced")
    // A mover that wrote into the bare directory meanwhile made a repository there that proves nothing.
    mkdirSync(join(store, "kopia"))
    rmSync(join(store, "kopia"), { recursive: true })
    place("kopia/cluster-shared", join(store, "kopia"))
    await second.answers("home/home-assistant", "store_fenced")
  })
})

describe("another filesystem in a store's place", () => {
  it("stays fenced, a true copy of the repository in it or not, until an administrator accepts it", async () => {
    const store = join(scratch(), "tank")
    storeImage(store)
    const document = documentOf(store, [sharedKopia], mountedStore)
    const daemon = await startDaemon({ document })
    await daemon.answers("home/home-assistant", "restore")
    unmount(store)
    storeImage(store)
    await daemon.answers("home/home-assistant", "store_fenced")
    await daemon.answers("home/brand-new", "store_fenced")
    await daemon.kill()

    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/home-assistant", "store_fenced")
    const accepted = await again.admin("POST", "/api/v1/stores/tank/accept", {})
    expect(accepted.status, accepted.body).toBe(200)
    expect(accepted.body).toContain(store)
    await again.answers("home/home-assistant", "restore")
    await again.answers("home/brand-new", "fresh")
    await again.stop()

    const third = await startDaemon({ state: daemon.state })
    await third.answers("home/home-assistant", "restore")
  })
})

describe("a repository's own filesystem below its store", () => {
  it("that is not mounted is fenced, although the store is there and the place is empty and declared new", async () => {
    const store = join(scratch(), "tank")
    mountImage(ext4Image(), store)
    const child = join(store, "kopia")
    const image = ext4Image(24)
    mountImage(image, child)
    const filled = join(child, "repository")
    place("kopia/cluster-shared", filled)
    const document = documentOf(
      store,
      [{ ...sharedKopia, path: "kopia/repository", new: true }],
      mountedStore,
    )
    const daemon = await startDaemon({ document })
    await daemon.answers("home/brand-new", "fresh")
    unmount(child)
    await daemon.answers("home/brand-new", "store_fenced")
    mkdirSync(filled)
    await daemon.answers("home/brand-new", "store_fenced")
    rmSync(filled, { recursive: true })
    mountImage(image, child)
    await daemon.answers("home/brand-new", "fresh")
    await daemon.answers("home/home-assistant", "restore")
  })
})

describe("a store that is mounted read-only", () => {
  it("is read as well as before", async () => {
    const store = join(scratch(), "tank")
    const image = storeImage(store)
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia], mountedStore) })
    await daemon.answers("home/home-assistant", "restore")
    await daemon.stop()
    unmount(store)
    mountImage(image, store, "ro")
    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/home-assistant", "restore")
    await again.answers("home/brand-new", "fresh")
  })

  it("is not accepted as a new store, since its sentinel cannot be written, and that is said", async () => {
    const store = join(scratch(), "tank")
    const image = storeImage(store)
    unmount(store)
    mountImage(image, store, "ro")
    const daemon = await startDaemon()
    const document = JSON.stringify(documentOf(store, [sharedKopia], mountedStore))
    const { status, body } = await daemon.admin("POST", "/api/v1/apply", { document })
    expect(status, body).toBe(503)
    expect(JSON.parse(body)).toMatchObject({
      code: "unreadable",
      message: `${store}/.cistern/store.json cannot be written: the filesystem is mounted read-only`,
    })
  })
})

describe("a store whose mount hangs", () => {
  it("costs others nothing while it does, over a restart too, and is believed again when the hang is over", async () => {
    const [store, other] = [join(scratch(), "tank"), join(scratch(), "other")]
    storeImage(store)
    storeImage(other)
    const repository = { ...sharedKopia, namespaces: ["*", "!monitoring"] }
    const document = documentOf(
      store,
      [repository, { ...sharedKopia, name: "other", store: "other", namespaces: ["monitoring"] }],
      mountedStore,
    ) as { stores: object[] }
    document.stores.push({ name: "other", path: other })
    const first = await startDaemon({ document })
    await first.answers("monitoring/brand-new", "fresh")
    await first.stop()

    const hung = mountHung(other)
    const second = await startDaemon({ state: first.state })
    await second.answers("home/home-assistant", "restore")
    const waiting = await Promise.all(Array.from({ length: 20 }, () => second.exists("monitoring/brand-new")))
    for (const { decision, milliseconds } of waiting) {
      expect(decision).toBe("unknown")
      expect(milliseconds).toBeLessThan(2_300)
    }
    expect((await second.exists("home/brand-new")).milliseconds).toBeLessThan(500)
    // What an administrator looks at is there, too, and says that nobody knows.
    const stores = await second.admin("GET", "/api/v1/stores")
    expect(JSON.parse(stores.body)).toMatchObject({ stores: [{ state: "ok" }, { state: "unknown" }] })

    hung.release()
    unmount(other)
    await second.answers("monitoring/brand-new", "fresh", 20_000)
  })
})
