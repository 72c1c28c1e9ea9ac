import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import {
  documentOf,
  moverPassword,
  moversStore,
  perVolumeRestic,
  place,
  sharedKopia,
  sharedStore,
} from "./fleet.js"

describe("a cluster that asks about volumes in one shared Kopia repository", () => {
  it("is told restore, fresh, or what stands in the way, each with its source and status", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })

    const restore = await daemon.answers("home/home-assistant", "restore")
    expect(restore).toMatchObject({
      status: 200,
      exists: true,
      authoritative: true,
      source: "home-assistant@home:/data",
    })
    expect(await daemon.exists("home/brand-new")).toMatchObject({
      status: 200,
      exists: false,
      decision: "fresh",
      authoritative: true,
      source: "brand-new@home:/data",
    })
    const unknown = {
      "home/zigbee2mqtt": "newest_incomplete",
      "home/paperless": "newest_incomplete",
      "media/sonarr": "newest_incomplete",
      "media/immich": "newest_incomplete",
      "home/my.app": "shared_identity",
      "databases/postgres-16": "similar_identity",
      "media/radarr": "similar_identity",
      "databases/app.example.com-with-a-very-long.replication-source-name-v2": "shared_identity",
    }
    for (const [volume, reason] of Object.entries(unknown)) {
      expect(await daemon.exists(volume), volume).toMatchObject({
        status: 503,
        exists: false,
        decision: "unknown",
        authoritative: false,
        reason,
      })
    }
  })

  it("sees a body whose keys are in pvc-plumber's order, on one line, and evidence only when asked for", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const { body } = await daemon.get("/exists/home/home-assistant")
    expect(body).toBe(
      '{"exists":true,"decision":"restore","authoritative":true,"namespace":"home","pvc":"home-assistant",' +
        '"backend":"kopia-fs","source":"home-assistant@home:/data"}\n',
    )
    const evidence = JSON.parse((await daemon.get("/exists/home/home-assistant?evidence=1")).body) as {
      evidence: object
    }
    expect(evidence.evidence).toMatchObject({
      repository: "shared",
      snapshots: 10,
      reason: "complete_snapshot",
    })
  })

  it("is told convention_mismatch for a new volume when the template fits nothing there, never fresh", async () => {
    const { store } = sharedStore()
    const wrong = { ...sharedKopia, conventions: ["{pvc}-nfs@{namespace}:/data"] }
    const daemon = await startDaemon({ document: documentOf(store, [wrong]) })
    await daemon.answers("elsewhere/brand-new", "convention_mismatch")
  })

  it("is told only_under_written_name when movers write one name and read another", async () => {
    const { store } = sharedStore()
    const template = { written: "{pvc}@{namespace}:/data", read: "{pvc}-dst@{namespace}:/data" }
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, conventions: [template] }]),
    })
    await daemon.answers("monitoring/grafana", "only_under_written_name")
  })
})

describe("a cluster that asks about volumes with a restic repository each", () => {
  it("is told restore where the password opens it and wrong_password where it does not", async () => {
    const { store } = moversStore()
    const daemon = await startDaemon({ document: documentOf(store, [perVolumeRestic]) })
    expect(await daemon.answers("media/radarr", "restore")).toMatchObject({
      status: 200,
      source: "media/radarr/",
    })
    await daemon.answers("media/sonarr", "wrong_password")
  })

  it("is told fresh for one that its mover only initialised, and for none where new ones are expected", async () => {
    const { store } = moversStore()
    const password = { value: moverPassword("home/initialised-only") }
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...perVolumeRestic, password, new: true }]),
    })
    await daemon.answers("home/initialised-only", "fresh")
    await daemon.answers("home/brand-new", "fresh")
  })

  it("is told repository_missing for a volume without one where new ones are not expected", async () => {
    const { store } = moversStore()
    const daemon = await startDaemon({ document: documentOf(store, [perVolumeRestic]) })
    await daemon.answers("home/brand-new", "repository_missing")
  })

  it("is told restore without any password, and password_missing instead of fresh", async () => {
    const { store } = moversStore()
    const { name, engine, path } = perVolumeRestic
    const daemon = await startDaemon({ document: documentOf(store, [{ name, engine, path }]) })
    await daemon.answers("databases/postgres", "restore")
    await daemon.answers("home/initialised-only", "password_missing")
  })
})

describe("a cluster that moved from restic to Kopia", () => {
  it("is told only_under_guard for a volume whose backups are still only in restic", async () => {
    const { store } = sharedStore()
    mkdirSync(join(store, "restic/home"), { recursive: true })
    place("restic/movers", join(store, "restic/home/not-moved"), "home/home-assistant")
    const guard = {
      ...perVolumeRestic,
      decides: "guard",
      new: true,
      password: { value: moverPassword("home/home-assistant") },
    }
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia, guard]) })
    await daemon.answers("home/not-moved", "only_under_guard")
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("home/brand-new", "fresh")
  })
})
