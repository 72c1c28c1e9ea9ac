import { execFileSync } from "node:child_process"
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import type { SnapshotsJson, VolumesJson } from "../../server/http/contract/admin.js"
import type { FindingsJson } from "../../server/http/contract/findings.js"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { damages, filesBelow, flipBit } from "../support/damage.js"
import { DaemonRuns } from "../support/daemon-runs.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../support/mounts.js"
import { neededPacks, packOfNewestAlone } from "../support/needed-packs.js"
import { runRestic } from "../support/programs.js"
import { randomFile } from "../support/random-file.js"
import { until } from "../support/until.js"
import { documentOf, moverPassword, perVolumeRestic, place, SHARED_PASSWORD, sharedKopia } from "./fleet.js"

// The built daemon, with real repositories on a filesystem of their own.

interface Scene {
  readonly daemon: DaemonProcess
  readonly runs: DaemonRuns
  readonly store: string
  readonly image: string
}

async function onDisk(
  fill: (store: string) => readonly Parameters<typeof documentOf>[1][number][],
  megabytes = 64,
): Promise<Scene> {
  const image = ext4Image(megabytes)
  const store = join(scratch(), "tank")
  mountImage(image, store)
  const daemon = await startDaemon({ document: documentOf(store, fill(store)) })
  return { daemon, runs: new DaemonRuns(daemon), store, image }
}

function shared(): Promise<Scene> {
  return onDisk((store) => {
    place("kopia/cluster-shared", join(store, "kopia"))
    return [sharedKopia]
  })
}

function movers(): Promise<Scene> {
  return onDisk((store) => {
    place("restic/movers", join(store, "restic"))
    return [perVolumeRestic]
  })
}

/** Codes of what is open, sorted. */
async function codes(runs: DaemonRuns, source: string): Promise<string[]> {
  const { findings } = await runs.json<FindingsJson>("findings", "--source", source)
  return findings.map(({ code }) => code).sort()
}

/** A finding of damaged snapshots comes with the source's next look. */
function damageTold(runs: DaemonRuns, wanted: readonly string[]): Promise<string[]> {
  return until(
    () => codes(runs, "integrity"),
    (seen) => JSON.stringify(seen) === JSON.stringify(wanted),
    "damage to be told",
  )
}

const ofVolume =
  (user: string, host: string) =>
  (snapshot: { source: { user: string; host: string }; incomplete: unknown }) =>
    snapshot.source.user === user && snapshot.source.host === host && snapshot.incomplete === undefined

describe("verify of a Kopia repository that volumes share", () => {
  it("proves every snapshot, and a second one reads nothing that it knows", async () => {
    const { daemon, runs } = await shared()
    await daemon.answers("home/home-assistant", "restore")
    const first = await runs.ran("verify")
    expect(first).toMatchObject({ outcome: "ok", facts: { snapshots: 63, damaged: 0, read: 0 } })
    const deep = await runs.ran("verify-deep")
    expect(deep).toMatchObject({ outcome: "ok", facts: { snapshots: 63, directories: 0 } })
    expect(Number(deep.facts["read"])).toBeGreaterThan(100)
    expect(await runs.ran("verify-deep")).toMatchObject({
      outcome: "ok",
      facts: { read: 0, bytesRead: 0, directories: 0, oldestReadingDays: 0 },
    })
    expect(await codes(runs, "verify")).toEqual([])

    const { snapshots } = await runs.json<SnapshotsJson>("snapshots")
    expect(new Set(snapshots.map(({ verified }) => verified?.level))).toEqual(new Set(["read"]))
    expect(snapshots.every(({ damage }) => damage === null)).toBe(true)
    expect((await runs.cistern("snapshots")).stdout).toMatch(/PROOF\n[^]*read just now/)
    const shown = await runs.cistern("exists", "home/home-assistant")
    expect(shown.stdout).toMatch(/verified +\d{4}-.* \(just now\)/)
    expect(shown.stdout).toMatch(/drilled +never/)
    const { volumes } = await runs.json<VolumesJson>("volumes", "--namespace", "home")
    const proven = volumes.find(({ pvc }) => pvc === "home-assistant")
    expect(Date.parse(proven?.verified ?? "")).toBeGreaterThan(daemon.startedAt)
    expect(proven?.drilled).toBeNull()
    // Told as soon as the run is over, not with the source's next look in half an hour.
    await until(
      () => codes(runs, "proofs"),
      (seen) => !seen.includes("never_verified"),
      "the proof to be known",
    )
    expect(volumes.find(({ pvc }) => pvc === "brand-new")?.verified ?? null).toBeNull()
  })

  it("tells of a deleted pack the volume that loses by it, names its newest good snapshot, and takes it back when it is healed", async () => {
    const { daemon, runs, store } = await shared()
    await daemon.answers("home/home-assistant", "restore")
    const kopia = join(store, "kopia")
    const needing = await neededPacks(kopia, SHARED_PASSWORD, ofVolume("home-assistant", "home"))
    const { pack, newest, before } = packOfNewestAlone(needing)
    const aside = join(scratch(), "aside")
    cpSync(join(kopia, pack), aside, { preserveTimestamps: true })
    damages.removed(join(kopia, pack))

    const run = await runs.ran("verify")
    expect(run).toMatchObject({ outcome: "findings", facts: { damaged: 1 } })
    const answer = await daemon.exists("home/home-assistant")
    expect(answer).toMatchObject({ decision: "unknown", reason: "newest_damaged" })
    expect(answer.error).toContain(newest.id)
    expect(answer.error).toContain(`${before.id} of `)
    expect(await daemon.exists("home/brand-new")).toMatchObject({ decision: "fresh" })
    expect(await damageTold(runs, ["newest_snapshot_damaged"])).toHaveLength(1)
    expect(await codes(runs, "verify")).toEqual([])
    const { snapshots } = await runs.json<SnapshotsJson>("snapshots")
    const wrong = snapshots.filter(({ damage }) => damage !== null)
    expect(wrong).toMatchObject([{ id: newest.id, verified: null, damage: { level: "reachable" } }])
    expect(wrong[0]?.damage?.reasons).toEqual(["missing"])
    await daemon.kill()

    const again = await startDaemon({ state: daemon.state })
    await again.answers("home/home-assistant", "newest_damaged")
    cpSync(aside, join(kopia, pack), { preserveTimestamps: true })
    expect(await new DaemonRuns(again).ran("verify")).toMatchObject({ outcome: "ok" })
    expect(await again.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
    await damageTold(new DaemonRuns(again), [])
  })

  it("sees a flipped bit by reading alone, and does not take it back before it is read whole", async () => {
    const { daemon, runs, store } = await shared()
    await daemon.answers("home/home-assistant", "restore")
    const kopia = join(store, "kopia")
    const needing = await neededPacks(kopia, SHARED_PASSWORD, ofVolume("home-assistant", "home"))
    const { pack, offset } = packOfNewestAlone(needing)
    const aside = join(scratch(), "aside")
    cpSync(join(kopia, pack), aside, { preserveTimestamps: true })
    flipBit(join(kopia, pack), offset + 5)

    expect(await runs.ran("verify")).toMatchObject({ outcome: "ok" })
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
    expect(await runs.ran("verify-deep")).toMatchObject({ outcome: "findings", facts: { damaged: 1 } })
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ reason: "newest_damaged" })
    expect(await runs.ran("verify")).toMatchObject({ outcome: "ok" })
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ reason: "newest_damaged" })
    cpSync(aside, join(kopia, pack), { preserveTimestamps: true })
    const healed = await runs.ran("verify-deep")
    expect(healed).toMatchObject({ outcome: "ok" })
    expect(Number(healed.facts["read"])).toBeLessThan(40)
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
  })
})

describe("verify of restic repositories, one for each volume", () => {
  const radarr = ["--repository", "per-volume", "--path", "restic/media/radarr"]

  it("tells of a deleted pack the volume that loses by it, and its newest good snapshot", async () => {
    const { daemon, runs, store } = await movers()
    await daemon.answers("media/radarr", "restore")
    const directory = join(store, "restic/media/radarr")
    const needing = await neededPacks(directory, moverPassword("media/radarr"), () => true)
    const { pack, newest, before } = packOfNewestAlone(needing)
    const aside = join(scratch(), "aside")
    renameSync(join(directory, pack), `${join(directory, pack)}.aside`)
    cpSync(`${join(directory, pack)}.aside`, aside)
    damages.removed(`${join(directory, pack)}.aside`)

    expect(await runs.ran("verify", ...radarr)).toMatchObject({ outcome: "findings" })
    const answer = await daemon.exists("media/radarr")
    expect(answer).toMatchObject({ decision: "unknown", reason: "newest_damaged" })
    expect(answer.error).toContain(newest.id)
    expect(answer.error).toContain(`${before.id} of `)
    cpSync(aside, join(directory, pack))
    expect(await runs.ran("verify", ...radarr)).toMatchObject({ outcome: "ok" })
    await daemon.answers("media/radarr", "restore")
  })

  it("reads no more than what is new after one more backup", async () => {
    const { daemon, runs, store } = await movers()
    await daemon.answers("media/radarr", "restore")
    const first = await runs.ran("verify-deep", ...radarr)
    expect(first).toMatchObject({ outcome: "ok" })
    const file = join(scratch(), "new")
    randomFile(file, 1)
    const directory = join(store, "restic/media/radarr")
    runRestic(directory, moverPassword("media/radarr"), "backup", "--quiet", "--host", "volsync", file)
    const second = await runs.ran("verify-deep", ...radarr)
    const { snapshots, read, remembered, contents } = second.facts
    expect(second).toMatchObject({ outcome: "ok" })
    expect(snapshots).toBe(Number(first.facts["snapshots"]) + 1)
    expect(Number(remembered)).toBe(Number(first.facts["contents"]))
    expect(Number(read)).toBeLessThanOrEqual(Number(contents) - Number(remembered))
  })

  it("tells of a lost index what it costs, and of one that cannot be read which it is", async () => {
    const { daemon, runs, store } = await movers()
    await daemon.answers("media/radarr", "restore")
    const directory = join(store, "restic/media/radarr")
    const [index = ""] = filesBelow(directory, /^index\//)
    const whole = readFileSync(index)
    damages["changed in one bit"](index)
    const unreadable = await runs.ran("verify", ...radarr)
    expect(unreadable).toMatchObject({ outcome: "findings" })
    expect(await codes(runs, "verify")).toEqual(["index_unreadable"])
    expect(await daemon.exists("media/radarr")).toMatchObject({ reason: "newest_damaged" })

    damages.removed(index)
    // Younger ones may be a writer's that has not named them yet.
    const old = new Date(Date.now() - 48 * 3_600_000)
    for (const pack of filesBelow(directory, /^data\//)) utimesSync(pack, old, old)
    expect(await runs.ran("verify", ...radarr)).toMatchObject({ outcome: "findings" })
    expect(await codes(runs, "verify")).toEqual(["packs_not_indexed"])
    writeFileSync(index, whole)
    expect(await runs.ran("verify", ...radarr)).toMatchObject({ outcome: "ok" })
    expect(await codes(runs, "verify")).toEqual([])
    await daemon.answers("media/radarr", "restore")
  })

  it("fails with a wrong password, says so, and knows nothing of the repository", async () => {
    const { daemon, runs } = await movers()
    await daemon.answers("media/sonarr", "wrong_password")
    const run = await runs.ran("verify", "--repository", "per-volume", "--path", "restic/media/sonarr")
    expect(run).toMatchObject({ outcome: "failed", reason: "wrong_password" })
    const { unknown } = await runs.json<FindingsJson>("findings", "--source", "verify")
    expect(unknown).toMatchObject([{ source: "verify" }])
  })
})

describe("a verify that is disturbed in its middle", () => {
  const repository = { name: "large", engine: "restic", path: "large", password: { value: "pw" } }
  let large = ""

  beforeAll(() => {
    const folder = scratch()
    large = join(folder, "large")
    runRestic(large, "pw", "init")
    const volume = join(folder, "data")
    randomFile(volume, 512)
    runRestic(large, "pw", "backup", "--quiet", volume)
  })

  async function reading(): Promise<Scene & { id: string }> {
    const scene = await onDisk((store) => {
      execFileSync("cp", ["-a", large, join(store, "large")])
      return [{ ...repository, decides: "no" }]
    }, 640)
    const id = await scene.runs.start("verify-deep")
    await until(
      () => scene.runs.run(id),
      ({ progress }) => progress?.text === "contents" && progress.done > 0,
      "contents to be read",
    )
    return { ...scene, id }
  }

  const memories = ({ daemon }: Scene) => join(daemon.state, "verify")

  it("is interrupted by a cancel within moments, and proves nothing", async () => {
    const scene = await reading()
    expect((await scene.runs.cistern("cancel", scene.id)).exitCode).toBe(0)
    expect(await scene.runs.ended(scene.id, 5_000)).toMatchObject({
      outcome: "interrupted",
      reason: "cancelled",
    })
    expect(await codes(scene.runs, "verify")).toEqual([])
  })

  it("fails when its filesystem is unmounted by force, and nothing is called damaged", async () => {
    const scene = await reading()
    process.kill(scene.daemon.pid, "SIGSTOP")
    unmount(scene.store, "by force")
    process.kill(scene.daemon.pid, "SIGCONT")
    expect(await scene.runs.ended(scene.id)).toMatchObject({ outcome: "failed", reason: "missing" })
    expect(await codes(scene.runs, "integrity")).toEqual([])
    const { unknown } = await scene.runs.json<FindingsJson>("findings", "--source", "verify")
    expect(unknown.length).toBeGreaterThan(0)
  })

  it("goes on where it was after a SIGKILL, with what it had read", async () => {
    const scene = await reading()
    await until(
      () =>
        existsSync(memories(scene)) && readdirSync(memories(scene)).some((name) => name.endsWith(".memory")),
      Boolean,
      "what was read to be written down",
    )
    expect((await scene.runs.run(scene.id)).state).toBe("running")
    await scene.daemon.kill()
    const again = await startDaemon({ state: scene.daemon.state })
    const runs = new DaemonRuns(again)
    expect(await runs.run(scene.id)).toMatchObject({ outcome: "interrupted", reason: "crashed" })
    const {
      runs: [resumed],
    } = await runs.json<{ runs: { id: string; cause: string }[] }>("runs", "--job", "verify-deep")
    expect(resumed).toMatchObject({ cause: "resume" })
    const ended = await runs.ended(resumed?.id ?? "")
    expect(ended).toMatchObject({ outcome: "ok", facts: { snapshots: 1, damaged: 0 } })
    expect(Number(ended.facts["remembered"])).toBeGreaterThan(2)
    expect(Number(ended.facts["read"])).toBeGreaterThan(0)
  })
})
