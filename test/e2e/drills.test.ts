import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { FindingsJson } from "../../server/http/contract/findings.js"
import type { RunJson, RunsJson } from "../../server/http/contract/jobs.js"
import { commandsOf } from "../support/commands.js"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../support/mounts.js"
import { ResticRepository } from "../support/restic-backup.js"
import { until } from "../support/until.js"
import { documentOf } from "./fleet.js"

const MiB = 1024 * 1024

/** A backup of a volume as its mover makes it, in a repository of its own. */
async function backUp(store: string, volume: string, megabytes: number): Promise<string> {
  const repository = join(store, "restic", volume)
  mkdirSync(repository, { recursive: true })
  const restic = new ResticRepository(repository, "secret")
  await restic.run("init")
  const backup = restic.backup()
  await backup.reads(megabytes)
  expect(await backup.ends()).toMatchObject({ exitCode: 0 })
  return repository
}

function document(store: string, drills: object): object {
  const repository = {
    name: "per-volume",
    engine: "restic",
    path: "restic/{namespace}/{pvc}",
    password: { value: "secret" },
  }
  return { ...documentOf(store, [repository]), drills: { minFree: "1MiB", engineEvery: "never", ...drills } }
}

const drillsIn = (place: string) => readdirSync(place).filter((name) => name.startsWith("cistern-drill"))

/** Waits until files are being restored. */
async function restoring(place: string): Promise<void> {
  const filled = () =>
    drillsIn(place).some((name) => {
      const tree = join(place, name, "tree")
      const [file] = existsSync(tree) ? readdirSync(tree) : []
      return file !== undefined && statSync(join(tree, file)).size > 4 * MiB
    })
  await until(filled, (seen) => seen, "a drill that restores")
}

describe("drills of the built daemon", () => {
  it("prove what can be restored, and make unknown what cannot", async () => {
    const [store, place] = [join(scratch(), "tank"), scratch()]
    mountImage(ext4Image(64), store)
    await backUp(store, "media/radarr", 3)
    const broken = await backUp(store, "media/sonarr", 3)
    const packs = execFileSync("find", [join(broken, "data"), "-type", "f"], { encoding: "utf8" })
    for (const pack of packs.trim().split("\n")) {
      const content = readFileSync(pack)
      if (content.length < MiB) continue
      rmSync(pack)
      writeFileSync(pack, content.fill(7, 1000, 2000))
    }
    const daemon = await startDaemon({ document: document(store, { scratch: place }) })
    const { cistern, json } = commandsOf(daemon.state)
    await daemon.answers("media/radarr", "restore")
    await daemon.answers("media/sonarr", "restore")
    expect((await cistern("run", "drill", "--all", "--wait")).exitCode).toBe(1)
    const { runs } = await json<RunsJson>("runs", "--job", "drill")
    expect(runs.map(({ outcome }) => outcome).sort()).toEqual(["findings", "ok"])
    expect(runs.find(({ outcome }) => outcome === "ok")?.facts).toMatchObject({ drilled: 1, bytes: 3 * MiB })
    await daemon.answers("media/sonarr", "newest_damaged")
    await daemon.answers("media/radarr", "restore")
    const { findings } = await json<FindingsJson>("findings", "--source", "drill")
    expect(findings).toMatchObject([{ code: "drill_check_failed", severity: "critical", volumes: 1 }])
    expect(drillsIn(place)).toEqual([])
    const again = await cistern(
      "run",
      "drill",
      "--repository",
      "per-volume",
      "--path",
      "restic/media/radarr",
      "--wait",
    )
    expect(again.stdout).toContain("nothing is due")
  })

  it("killed in the middle are swept and held again by themselves", async () => {
    const [store, place] = [join(scratch(), "tank"), scratch()]
    mountImage(ext4Image(400), store)
    await backUp(store, "media/radarr", 150)
    const said = document(store, { scratch: place })
    const first = await startDaemon({ document: said })
    await first.answers("media/radarr", "restore")
    const { runs } = await commandsOf(first.state).json<RunsJson>("run", "drill", "--all")
    await restoring(place)
    await first.kill()
    expect(drillsIn(place)).toHaveLength(1)

    const second = await startDaemon({ document: said, state: first.state })
    const { json } = commandsOf(second.state)
    const ended = await until(
      async () => (await json<RunsJson>("runs", "--job", "drill")).runs,
      (all) => all.some(({ cause, state }) => cause === "resume" && state === "ended"),
      "the drill to be held again",
      120_000,
    )
    expect(ended.find(({ id }) => id === runs[0]?.id)).toMatchObject({ outcome: "interrupted" })
    const resumed = ended.find(({ cause }) => cause === "resume")
    expect(resumed).toMatchObject({ outcome: "ok", facts: { drilled: 1 } })
    expect(drillsIn(place)).toEqual([])
  })

  it("record nothing when the store is unmounted by force in the middle", async () => {
    const [store, place] = [join(scratch(), "tank"), scratch()]
    const image = ext4Image(400)
    mountImage(image, store)
    await backUp(store, "media/radarr", 150)
    const daemon = await startDaemon({ document: document(store, { scratch: place }) })
    const { json } = commandsOf(daemon.state)
    await daemon.answers("media/radarr", "restore")
    const { runs } = await json<RunsJson>("run", "drill", "--all")
    await restoring(place)
    unmount(store, "by force")
    const run = await until(
      () => json<RunJson>("runs", runs[0]?.id ?? ""),
      ({ state }) => state === "ended",
      "the drill to end",
      120_000,
    )
    expect(run).toMatchObject({ outcome: "failed", reason: "missing" })
    expect(drillsIn(place)).toEqual([])
    mountImage(image, store)
    await daemon.answers("media/radarr", "restore", 30_000)
    expect((await json<FindingsJson>("findings", "--source", "drill")).findings).toEqual([])
  })
})
