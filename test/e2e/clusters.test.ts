import { createHash } from "node:crypto"
import { rmSync } from "node:fs"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { until } from "../support/until.js"
import { place, SHARED_PASSWORD, sharedKopia, sharedStore } from "./fleet.js"

/** An address of this machine that is not loopback's, from which it can ask itself. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address

const token = "token-of-the-cluster-away"
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })

/** Two clusters with a Kopia repository each, away's named by a token, home's by its network when it has one. */
function document(store: string, clusters: { home?: object; away?: object } = {}): object {
  const repository = (name: string) => ({
    ...sharedKopia,
    name,
    cluster: name,
    store: "tank",
    path: name,
    decides: "restore",
  })
  return {
    stores: [{ name: "tank", path: store, allowRoot: true }],
    clusters: [
      { name: "home", networks: ["198.51.100.0/24"], ...clusters.home },
      { name: "away", tokens: [{ sha256: sha256(token) }], ...clusters.away },
    ],
    repositories: [repository("home"), repository("away")],
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

function twoRepositories(): string {
  const { store } = sharedStore()
  place("kopia/cluster-shared", join(store, "home"))
  place("kopia/cluster-shared", join(store, "away"))
  return store
}

async function reasonOf(daemon: DaemonProcess, path: string, headers: Record<string, string> = {}) {
  const { body } = await daemon.get(path, headers)
  const { decision, error } = JSON.parse(body) as { decision: string; error?: string }
  return error === undefined ? decision : error.split(":")[0]
}

const volume = "/exists/home/home-assistant"

describe("with two clusters, of which one's repository is broken,", () => {
  it("each is told of its own: ready and restore here, not ready and unknown there", async () => {
    const store = twoRepositories()
    rmSync(join(store, "away/kopia.repository.f"))
    const daemon = await startDaemon({ document: document(store) })
    const asked = (cluster: string) => reasonOf(daemon, `/clusters/${cluster}${volume}`)
    await until(
      () => asked("home"),
      (seen) => seen === "restore",
      "home's answer",
    )
    expect(await asked("away")).not.toBe("restore")
    expect((await daemon.get("/readyz", bearer(token))).status).toBe(503)
    expect((await daemon.get("/readyz", bearer(token))).body).toContain("repository away")
    const metrics = (await daemon.get("/metrics")).body
    expect(metrics).toContain('cistern_repository_up{repository="home",cluster="home"} 1')
    expect(metrics).toContain('cistern_repository_up{repository="away",cluster="away"} 0')
  })

  it("the broken one becomes ready when its repository is whole again", async () => {
    const store = twoRepositories()
    rmSync(join(store, "away"), { recursive: true })
    const daemon = await startDaemon({ document: document(store) })
    expect((await daemon.get("/readyz", bearer(token))).status).toBe(503)
    place("kopia/cluster-shared", join(store, "away"))
    await until(
      () => daemon.get("/readyz", bearer(token)),
      ({ status }) => status === 200,
      "the other cluster to be ready",
    )
  })
})

describe("which cluster asks", () => {
  it("is said by its token, by the path, and by nothing else where several are declared", async () => {
    const daemon = await startDaemon({ document: document(twoRepositories()) })
    await until(
      () => reasonOf(daemon, volume, bearer(token)),
      (seen) => seen === "restore",
      "the answer by token",
    )
    expect(await reasonOf(daemon, `/clusters/home${volume}`)).toBe("restore")
    expect(await reasonOf(daemon, volume)).toBe("cluster_unclear")
    // Kyverno sends a token of its own, which says nothing.
    expect(await reasonOf(daemon, volume, bearer("kyvernos-own"))).toBe("cluster_unclear")
    expect(await reasonOf(daemon, `/clusters/home${volume}`, bearer(token))).toBe("cluster_unclear")
    expect((await daemon.get(`/clusters/nowhere${volume}`)).status).toBe(503)
    expect((await daemon.get("/readyz")).status).toBe(503)
  })

  it.skipIf(ownAddress === undefined)("is said by the network that the client's address is in", async () => {
    if (ownAddress === undefined) return
    const daemon = await startDaemon({
      document: document(twoRepositories(), { home: { networks: [`${ownAddress}/32`] } }),
      environment: { CISTERN_LISTEN: "0.0.0.0:0" },
    })
    const from = async (host: string) => {
      const response = await fetch(`http://${host}:${daemon.port}${volume}`)
      return ((await response.json()) as { decision: string }).decision
    }
    await until(
      () => from(ownAddress),
      (seen) => seen === "restore",
      "the answer by network",
    )
    expect(await from("127.0.0.1")).toBe("unknown")
    expect((await fetch(`http://${ownAddress}:${daemon.port}/readyz`)).status).toBe(200)
    // Two kinds of evidence that disagree.
    expect(
      (await fetch(`http://${ownAddress}:${daemon.port}${volume}`, { headers: bearer(token) })).status,
    ).toBe(503)
  })

  it("is never said by X-Forwarded-For, which anybody may send", async () => {
    const daemon = await startDaemon({ document: document(twoRepositories()) })
    await until(
      () => reasonOf(daemon, `/clusters/home${volume}`),
      (seen) => seen === "restore",
      "the answer by path",
    )
    for (const header of ["x-forwarded-for", "forwarded", "x-real-ip"])
      expect(await reasonOf(daemon, volume, { [header]: "198.51.100.7" })).toBe("cluster_unclear")
  })

  it("must be said by a token where the cluster requires one", async () => {
    const daemon = await startDaemon({
      document: document(twoRepositories(), { away: { requireToken: true } }),
    })
    await until(
      () => reasonOf(daemon, volume, bearer(token)),
      (seen) => seen === "restore",
      "the answer by token",
    )
    expect(await reasonOf(daemon, `/clusters/away${volume}`)).toBe("cluster_unclear")
    expect(await reasonOf(daemon, `/clusters/away${volume}`, bearer(`${token}!`))).toBe("cluster_unclear")
    expect(await reasonOf(daemon, `/clusters/home${volume}`)).toBe("restore")
  })

  it("needs no saying where there is only one", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({
      document: {
        stores: [{ name: "tank", path: store, allowRoot: true }],
        clusters: [{ name: "only" }],
        repositories: [
          { ...sharedKopia, password: { value: SHARED_PASSWORD }, cluster: "only", store: "tank" },
        ],
      },
    })
    await daemon.answers("home/home-assistant", "restore")
    expect((await daemon.get("/readyz")).status).toBe(200)
  })
})
