import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { writeSyntheticRestic } from "../support/synthetic-restic.js"
import { documentOf, moversStore, perVolumeRestic, place, sharedKopia } from "./fleet.js"

const password = { value: "reasons" }

describe("what only the mover's own pick shows", () => {
  it("is told of Kopia: a newer backup of the whole disk under the same name, a cancelled one, one that runs", async () => {
    const store = scratch()
    const named = (user: string, path = "/data") => ({ user, host: "home", path })
    const kopia = writeSyntheticKopia(join(store, "kopia"), {
      password: password.value,
      snapshots: 3,
      identities: [named("app"), named("parent"), named("sound")],
      newest: new Date(Date.now() - 3_600_000),
    })
    kopia.appendSnapshot(named("parent", "/"))
    kopia.appendSnapshot(named("app"), { incomplete: "canceled" })
    const daemon = await startDaemon({ document: documentOf(store, [{ ...sharedKopia, password }]) })
    await daemon.answers("home/sound", "restore")
    await daemon.answers("home/parent", "newest_other_path")
    const incomplete = await daemon.answers("home/app", "newest_incomplete")
    expect(incomplete.error).toContain("`kopia snapshot delete")

    await daemon.answers("home/first", "fresh")
    const session = kopia.openSession({ user: "first", host: "home" })
    await daemon.answers("home/first", "backup_running")
    expect(await daemon.exists("home/second")).toMatchObject({ decision: "fresh" })
    session.close()
    await daemon.answers("home/first", "fresh")
  })

  it("is told of restic: a first backup that holds a lock, and snapshots of another path", async () => {
    const store = scratch()
    const tree = join(store, "restic/apps")
    const first = writeSyntheticRestic(join(tree, "first"), { password: password.value, snapshots: 0 })
    writeSyntheticRestic(join(tree, "other-path"), {
      password: password.value,
      snapshots: 2,
      paths: ["/mnt/elsewhere"],
    })
    const daemon = await startDaemon({ document: documentOf(store, [{ ...perVolumeRestic, password }]) })
    await daemon.answers("apps/first", "fresh")
    const lock = first.lock()
    await daemon.answers("apps/first", "backup_running")
    lock.release()
    await daemon.answers("apps/first", "fresh")
    expect((await daemon.exists("apps/other-path")).decision).toBe("unknown")
  })
})

describe("what keeps a place from being a repository that can be read", () => {
  it("is told, each by its own code, beside a volume that is well", async () => {
    const { store, restic } = moversStore()
    const radarr = (name: string) => place("restic/movers", join(restic, "media", name), "media/radarr")
    const lostKeys = radarr("lost-keys")
    for (const key of readdirSync(join(lostKeys, "keys"))) rmSync(join(lostKeys, "keys", key))
    rmSync(join(radarr("lost-config"), "config"))
    writeFileSync(join(radarr("bad-config"), "config"), "not a config")
    rmSync(join(radarr("lost-snapshots"), "snapshots"), { recursive: true })
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...perVolumeRestic, namespaces: ["media"] }]),
    })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/sonarr", "wrong_password")
    await daemon.answers("media/never", "repository_missing")
    for (const volume of ["lost-keys", "lost-config", "bad-config", "lost-snapshots"])
      await daemon.answers(`media/${volume}`, "repository_corrupt")
    await daemon.answers("elsewhere/app", "no_restore_repository")
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "restore" })
  })
})
