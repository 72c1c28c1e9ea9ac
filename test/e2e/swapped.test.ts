import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, moversStore, perVolumeRestic, place, sharedKopia, sharedStore } from "./fleet.js"

const identity = { user: "app", host: "home", path: "/data" }
const other = { user: "other", host: "home", path: "/data" }

function accept(daemon: DaemonProcess, body: object) {
  return daemon.admin("POST", "/api/v1/repositories/shared/accept", body)
}

function kopiaDocument(store: string, more: object = {}): object {
  return documentOf(store, [{ ...sharedKopia, password: { value: "same" }, ...more }])
}

describe("another repository in the pinned one's place, with the same password,", () => {
  it("is not believed, over a restart too, until a person accepts exactly that one", async () => {
    const store = scratch()
    const target = join(store, "kopia")
    const options = { password: "same", snapshots: 6, identities: [identity, other] }
    writeSyntheticKopia(target, { ...options, seed: "pinned" })
    const first = await startDaemon({ document: kopiaDocument(store) })
    await first.answers("home/app", "restore")
    await first.answers("home/brand-new", "fresh")

    rmSync(target, { recursive: true })
    const found = writeSyntheticKopia(target, { ...options, seed: "swapped", newest: new Date() })
    await first.answers("home/brand-new", "repository_changed")
    await first.answers("home/app", "repository_changed")
    expect((await first.get("/readyz")).status).toBe(503)
    await first.stop()

    const second = await startDaemon({ state: first.state, document: kopiaDocument(store) })
    await second.answers("home/brand-new", "repository_changed")
    await second.answers("home/app", "repository_changed")
    expect((await accept(second, { id: "0".repeat(64) })).status).toBe(409)
    await second.answers("home/brand-new", "repository_changed")
    expect((await accept(second, { id: found.uniqueId.toString("hex") })).status).toBe(200)
    await second.answers("home/app", "restore")
    await second.answers("home/brand-new", "fresh")
    await second.kill()

    const third = await startDaemon({ state: first.state, document: kopiaDocument(store) })
    await third.answers("home/app", "restore")
  })

  it("that is empty does not become fresh by being accepted: what was known there is gone", async () => {
    const store = scratch()
    const target = join(store, "kopia")
    writeSyntheticKopia(target, { password: "same", snapshots: 3, identities: [identity] })
    const daemon = await startDaemon({ document: kopiaDocument(store) })
    await daemon.answers("home/app", "restore")
    rmSync(target, { recursive: true })
    const empty = { password: "same", snapshots: 0, identities: [identity], seed: "empty" }
    const found = writeSyntheticKopia(target, empty)
    await daemon.answers("home/app", "repository_changed")
    await accept(daemon, { id: found.uniqueId.toString("hex") })
    await daemon.answers("home/app", "newest_known_gone")
    expect((await accept(daemon, { gone: "app@home:/data" })).status).toBe(200)
    await daemon.answers("home/app", "fresh")
  })
})

describe("a repository that lost its newest backups", () => {
  it("by a rollback of its directory is unknown until a person accepts the loss, over a restart too", async () => {
    const { store, restic } = moversStore()
    const snapshots = join(restic, "media/radarr/snapshots")
    const document = documentOf(store, [perVolumeRestic])
    const first = await startDaemon({ document })
    await first.answers("media/radarr", "restore")
    const aside = scratch()
    for (const name of readdirSync(snapshots).slice(0, 5))
      renameSync(join(snapshots, name), join(aside, name))
    await first.answers("media/radarr", "newest_known_gone")
    await first.kill()

    const second = await startDaemon({ state: first.state, document })
    await second.answers("media/radarr", "newest_known_gone")
    // Put back, it is what it was, with nobody's word.
    for (const name of readdirSync(aside)) renameSync(join(aside, name), join(snapshots, name))
    await second.answers("media/radarr", "restore")
  })

  it("keeps the other volumes' answers when one of them lost its own", async () => {
    const store = scratch()
    const made = writeSyntheticKopia(join(store, "kopia"), {
      password: "same",
      snapshots: 4,
      identities: [identity, other],
    })
    const daemon = await startDaemon({ document: kopiaDocument(store) })
    await daemon.answers("home/app", "restore")
    const newest = made.snapshots.filter((snapshot) => snapshot.identity === identity).at(-1)
    made.removeSnapshot(newest?.id ?? "")
    await daemon.answers("home/app", "newest_known_gone")
    await daemon.answers("home/other", "restore")
    await daemon.answers("home/brand-new", "fresh")
    expect((await accept(daemon, { gone: "app@home:/data" })).status).toBe(200)
    await daemon.answers("home/app", "restore")
  })
})

describe("a place from which the repository is gone", () => {
  it.each([
    [
      "emptied",
      "repository_missing",
      (kopia: string) => {
        empty(kopia)
      },
    ],
    [
      "left with nothing but .shards",
      "repository_missing",
      (kopia: string) => {
        empty(kopia, ".shards")
      },
    ],
    [
      "removed",
      "store_fenced",
      (kopia: string) => {
        rmSync(kopia, { recursive: true })
      },
    ],
  ])("%s, is unknown, although it was declared new, over a restart too", async (_, reason, harm) => {
    const { store, kopia } = sharedStore()
    const document = documentOf(store, [{ ...sharedKopia, new: true }])
    const first = await startDaemon({ document })
    await first.answers("home/brand-new", "fresh")
    harm(kopia)
    await first.answers("home/brand-new", reason)
    await first.answers("home/home-assistant", reason)
    expect((await first.get("/readyz")).status).toBe(503)
    await first.stop()
    const second = await startDaemon({ state: first.state, document })
    await second.answers("home/brand-new", reason)
    rmSync(kopia, { recursive: true, force: true })
    place("kopia/cluster-shared", kopia)
    await second.answers("home/brand-new", "fresh")
    await second.answers("home/home-assistant", "restore")
  })

  it("is fresh where a person declared it new and nothing was ever seen there", async () => {
    const store = scratch()
    mkdirSync(join(store, "kopia/lost+found"), { recursive: true })
    const daemon = await startDaemon({ document: kopiaDocument(store, { new: true }) })
    await daemon.answers("home/app", "fresh")
    expect((await daemon.get("/readyz")).status).toBe(200)
  })

  it("is unknown where nobody declared it new", async () => {
    const store = scratch()
    mkdirSync(join(store, "kopia"))
    const daemon = await startDaemon({ document: kopiaDocument(store) })
    await daemon.answers("home/app", "repository_missing")
  })

  it("has a second repository beside the first: neither is believed", async () => {
    const { store, kopia } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const second = place("restic/movers", join(scratch(), "radarr"), "media/radarr")
    for (const name of readdirSync(second)) renameSync(join(second, name), join(kopia, name))
    await daemon.answers("home/brand-new", "second_repository")
    await daemon.answers("home/home-assistant", "second_repository")
  })
})

function empty(directory: string, but?: string): void {
  for (const name of readdirSync(directory)) {
    if (name !== but) rmSync(join(directory, name), { recursive: true })
  }
}
