import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { until } from "../support/until.js"
import { documentOf, moversStore, perVolumeRestic, sharedKopia, sharedStore } from "./fleet.js"

/** design §9: from the last file of a snapshot to the first answer that knows of it, on a local filesystem. */
const BUDGET_MS = 1_000

describe("a snapshot that lands while the daemon runs", () => {
  it("turns fresh into restore within a second: a volume's first one in restic", async () => {
    const { store, restic } = moversStore()
    const held = take(restic, readdirSync(join(restic, "media/radarr/snapshots")).map(inRadarr))
    const daemon = await startDaemon({ document: documentOf(store, [perVolumeRestic]) })
    await daemon.answers("media/radarr", "fresh")
    const [first] = held
    if (first === undefined) throw new Error("the fixture has snapshots")
    const since = land(first)
    await daemon.answers("media/radarr", "restore")
    within(since, "restic, first snapshot")
  })

  it("is in the evidence within a second, without any question that makes the daemon look: one more in restic", async () => {
    const { store, restic } = moversStore()
    const newest = newestFile(join(restic, "media/radarr/snapshots"))
    const [held] = take(restic, [inRadarr(newest)])
    if (held === undefined) throw new Error("the fixture has snapshots")
    const daemon = await startDaemon({ document: documentOf(store, [perVolumeRestic]) })
    await daemon.answers("media/radarr", "restore")
    expect(await countOf(daemon, "media/radarr")).toBe(4)
    const since = land(held)
    await until(
      () => countOf(daemon, "media/radarr"),
      (count) => count === 5,
      "the fifth snapshot",
    )
    within(since, "restic, one more")
  })

  it("turns fresh into newest_incomplete within a second: the real Kopia's unfinished run", async () => {
    const { store, kopia } = sharedStore()
    const index = newestFile(join(kopia, "x/n0_"))
    const session = /-(s[0-9a-f]+)-c1\.f$/.exec(index)?.[1] ?? "none"
    const blobs = readdirSync(kopia, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.includes(session),
    )
    // Packs first and the index last, as Kopia writes them.
    const inOrder = blobs.sort((a, b) => Number(a.startsWith("x/")) - Number(b.startsWith("x/")))
    const held = take(kopia, inOrder)
    expect(held.length).toBeGreaterThan(1)
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("media/immich", "fresh")
    const since = Math.max(...held.map(land))
    await daemon.answers("media/immich", "newest_incomplete")
    within(since, "Kopia, unfinished run")
  })

  it("turns fresh into restore within a second, and counts the next from memory: Kopia", async () => {
    const store = scratch()
    const identity = (user: string) => ({ user, host: "home", path: "/data" })
    const kopia = writeSyntheticKopia(join(store, "kopia"), {
      password: "landing",
      snapshots: 40,
      identities: [identity("old")],
    })
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, password: { value: "landing" } }]),
    })
    await daemon.answers("home/new", "fresh")
    kopia.appendSnapshot(identity("new"))
    const first = performance.now()
    await daemon.answers("home/new", "restore")
    within(first, "Kopia, first snapshot")

    kopia.appendSnapshot(identity("old"))
    const next = performance.now()
    await until(
      () => countOf(daemon, "home/old"),
      (count) => count === 41,
      "the next snapshot",
    )
    within(next, "Kopia, one more")
  })

  it("is seen in a tree of repositories whose directory did not exist before", async () => {
    const { store, restic } = moversStore()
    const aside = join(scratch(), "radarr")
    renameSync(join(restic, "media/radarr"), aside)
    const daemon = await startDaemon({ document: documentOf(store, [{ ...perVolumeRestic, new: true }]) })
    await daemon.answers("media/radarr", "fresh")
    renameSync(aside, join(restic, "media/radarr"))
    const since = performance.now()
    await daemon.answers("media/radarr", "restore")
    within(since, "restic, a whole new repository")
  })
})

interface Held {
  readonly path: string
  readonly bytes: Buffer
  readonly modified: Date
}

/** Takes files out of a repository before the daemon has seen them. */
function take(root: string, paths: readonly string[]): Held[] {
  return paths.map((relative) => {
    const path = join(root, relative)
    const held = { path, bytes: readFileSync(path), modified: statSync(path).mtime }
    rmSync(path, { force: true })
    return held
  })
}

/** Puts a file as the engines do, by a temporary name beside it. Gives the moment of the rename. */
function land({ path, bytes }: Held): number {
  const temporary = join(dirname(path), `${basename(path)}.tmp.81a3`)
  writeFileSync(temporary, bytes)
  chmodSync(temporary, 0o600)
  renameSync(temporary, path)
  return performance.now()
}

function within(since: number, what: string): void {
  const took = performance.now() - since
  console.info(`landed -> answer, ${what}: ${took.toFixed(0)} ms`)
  expect(took).toBeLessThan(BUDGET_MS)
}

async function countOf(daemon: DaemonProcess, volume: string): Promise<number> {
  const { body } = await daemon.get(`/exists/${volume}?evidence=1`)
  return (JSON.parse(body) as { evidence: { snapshots: number } }).evidence.snapshots
}

function inRadarr(name: string): string {
  return `media/radarr/snapshots/${name}`
}

function newestFile(folder: string): string {
  const names = readdirSync(folder)
  const time = (name: string) => statSync(join(folder, name)).mtimeMs
  return names.reduce((newest, name) => (time(name) > time(newest) ? name : newest))
}
