import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { mountFailingDisk } from "../support/mounts.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, moversStore, perVolumeRestic, place, sharedKopia, sharedStore } from "./fleet.js"

describe("a file that is there only in part", () => {
  it("in restic's snapshots makes the volume unknown until it is whole", async () => {
    const { store, restic } = moversStore()
    const file = newest(join(restic, "media/radarr/snapshots"))
    const whole = readFileSync(file)
    const daemon = await startDaemon({ document: documentOf(store, [perVolumeRestic]) })
    await daemon.answers("media/radarr", "restore")
    rmSync(file)
    writeFileSync(file, whole.subarray(0, 40))
    const answer = await daemon.answers("media/radarr", "repository_corrupt")
    expect(answer.error).toContain(file.slice(file.indexOf("snapshots")))
    rmSync(file)
    writeFileSync(file, whole)
    await daemon.answers("media/radarr", "restore")
  })

  it("of Kopia's index makes every volume unknown until it is whole", async () => {
    const { store, kopia } = sharedStore()
    const file = newest(join(kopia, "x/n0_"))
    const whole = readFileSync(file)
    truncateSync(file, 100)
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/brand-new", "repository_corrupt")
    await daemon.answers("home/home-assistant", "repository_corrupt")
    expect((await daemon.get("/readyz")).status).toBe(503)
    writeFileSync(file, whole)
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("home/brand-new", "fresh")
  })
})

describe("an index file of Kopia that vanished", () => {
  it("is noticed although the engine itself lists on, over a restart too, and explained by a person's word alone", async () => {
    const { store, kopia } = sharedStore()
    const document = documentOf(store, [sharedKopia])
    const first = await startDaemon({ document })
    await first.answers("home/brand-new", "fresh")
    renameSync(newest(join(kopia, "x/n0_")), join(scratch(), "lost"))
    await first.answers("home/brand-new", "index_lost")
    await first.answers("home/home-assistant", "index_lost")
    await first.kill()

    const second = await startDaemon({ state: first.state, document })
    await second.answers("home/brand-new", "index_lost")
    await second.answers("home/home-assistant", "index_lost")
    const accepted = await second.admin("POST", "/api/v1/repositories/shared/accept", { lostIndex: true })
    expect(accepted.status).toBe(200)
    await second.answers("home/home-assistant", "restore")
    await second.answers("home/brand-new", "fresh")
  })

  it("is noticed when all of them are gone: nothing listed is not nothing there", async () => {
    const { store, kopia } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    rmSync(join(kopia, "x"), { recursive: true })
    await daemon.answers("home/home-assistant", "index_lost")
    await daemon.answers("home/brand-new", "index_lost")
  })
})

describe("what else lies in a repository", () => {
  it("is passed over: temporary files of killed writers, editors' and file managers' droppings", async () => {
    const { store, kopia } = sharedStore()
    const { restic } = { restic: join(store, "restic") }
    renameSync(moversStore().restic, restic)
    const daemon = await startDaemon({
      document: documentOf(store, [
        { ...sharedKopia, namespaces: ["*", "!media"] },
        { ...perVolumeRestic, namespaces: ["media"], new: true },
      ]),
    })
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("media/radarr", "restore")
    const radarr = join(restic, "media/radarr")
    for (const dropping of [
      join(kopia, "x/n0_/0123456789abcdef-s0123-c1.f.tmp.8f3a"),
      join(kopia, "x/n0_/.0123456789abcdef.f.swp"),
      join(kopia, ".DS_Store"),
      join(kopia, "Thumbs.db"),
      join(kopia, "notes.txt~"),
      join(radarr, "snapshots/.nfs0000001"),
      join(radarr, "snapshots/README.txt~"),
      join(radarr, "snapshots/0a460204-tmp-17"),
      join(radarr, "keys/.DS_Store"),
      join(radarr, "locks/#lock#"),
    ]) {
      writeFileSync(dropping, "left by somebody\n")
    }
    mkdirSync(join(kopia, "@eaDir"))
    mkdirSync(join(radarr, "#recycle"))
    await daemon.answers("home/brand-new", "fresh")
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
    expect(await daemon.exists("media/radarr")).toMatchObject({ decision: "restore" })
    await daemon.kill()
    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/brand-new", "fresh")
    await again.answers("media/radarr", "restore")
  })

  it("may have names that are not UTF-8", async () => {
    const { store, restic } = moversStore()
    for (const folder of ["snapshots", "keys", "locks", ""]) {
      const name = Buffer.concat([
        Buffer.from(join(restic, "media/radarr", folder, "caf")),
        Buffer.from([0xe9]),
      ])
      closeSync(openSync(name, "w"))
    }
    mkdirSync(Buffer.concat([Buffer.from(join(restic, "media/caf")), Buffer.from([0xe9, 0xff])]))
    const daemon = await startDaemon({ document: documentOf(store, [{ ...perVolumeRestic, new: true }]) })
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/brand-new", "fresh")
  })

  it("may be a hundred thousand files in one directory", { timeout: 120_000 }, async () => {
    const store = scratch()
    const kopia = writeSyntheticKopia(join(store, "kopia"), {
      password: "crowded",
      snapshots: 20,
      identities: [{ user: "app", host: "home", path: "/data" }],
      shards: [],
    })
    // A store without folders keeps every pack in its root.
    for (let pack = 0; pack < 100_000; pack++) {
      const name = `p${pack.toString(16).padStart(32, "0")}-s0123456789abcdef119.f`
      closeSync(openSync(join(kopia.directory, name), "w"))
    }
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, password: { value: "crowded" } }]),
    })
    await daemon.answers("home/app", "restore", 30_000)
    const fresh = await daemon.answers("home/brand-new", "fresh")
    expect(fresh.milliseconds).toBeLessThan(2_000)
  })
})

function newest(folder: string): string {
  const time = (name: string) => statSync(join(folder, name)).mtimeMs
  return join(
    folder,
    readdirSync(folder).reduce((latest, name) => (time(name) > time(latest) ? name : latest)),
  )
}

describe("a disk that answers with errors", () => {
  it("makes unknown whatever is read from it from then on", async () => {
    const store = join(scratch(), "tank")
    const disk = mountFailingDisk(store, 64)
    place("kopia/cluster-shared", join(store, "kopia"))
    place("restic/movers", join(store, "restic"))
    const repositories = [
      { ...sharedKopia, namespaces: ["home"] },
      { ...perVolumeRestic, namespaces: ["media"], new: true },
    ]
    const daemon = await startDaemon({ document: documentOf(store, repositories) })
    await daemon.answers("home/home-assistant", "restore")
    for (const volume of ["home/brand-new", "media/brand-new"]) await daemon.answers(volume, "fresh")
    disk.fail()
    for (const volume of ["home/brand-new", "home/home-assistant", "media/brand-new"]) {
      const answer = await daemon.answers(volume, "unknown")
      expect(answer.status).toBe(503)
      expect(answer.error).toContain("EIO")
    }
  })
})
