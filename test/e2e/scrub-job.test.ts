import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { openScrubLedger, PlaceLedger } from "../../server/db/index.js"
import type { FindingsJson } from "../../server/http/contract/findings.js"
import type { RunJson, RunsJson } from "../../server/http/contract/jobs.js"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { openRepository, Secret, type Snapshot, type SnapshotContents } from "../../storage/index.js"
import type { BlobRecord } from "../../storage/scrub/index.js"
import { MIB, writePacks } from "../storage/scrub/scrub-here.js"
import { cli, type CliResult } from "../support/cli.js"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { filesBelow, rot } from "../support/damage.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, requireRoot, unmount } from "../support/mounts.js"
import { ResticRepository } from "../support/restic-backup.js"
import { until } from "../support/until.js"
import { documentOf, perVolumeRestic, place, SHARED_PASSWORD, sharedKopia } from "./fleet.js"

// The daemon's own scrubs of repositories of the real programs, on a filesystem of their own.

interface Stage {
  readonly store: string
  readonly daemon: DaemonProcess
  readonly document: object
}

/** Nothing runs by itself, so that a test's run is the only one. */
async function stage(
  repositories: Parameters<typeof documentOf>[1],
  fill: (store: string) => Promise<void> | void,
  more: object = {},
): Promise<Stage> {
  requireRoot()
  const store = join(scratch(), "tank")
  mountImage(ext4Image(96), store)
  await fill(store)
  const off = { name: "only-when-asked", job: "scrub", off: true }
  const base = documentOf(store, repositories, { store: { allowRoot: false } })
  const document = { ...base, schedules: [off], ...more }
  return { store, document, daemon: await startDaemon({ document }) }
}

function cistern(daemon: DaemonProcess, ...args: string[]): Promise<CliResult> {
  return cli(args, { environment: { CISTERN_STATE: daemon.state } })
}

async function json<T>(daemon: DaemonProcess, ...args: string[]): Promise<T> {
  const { stdout, stderr } = await cistern(daemon, ...args, "--json")
  if (stdout === "") throw new Error(stderr)
  return JSON.parse(stdout) as T
}

async function begin(daemon: DaemonProcess, repository: string): Promise<string> {
  const { runs } = await json<RunsJson>(daemon, "run", "scrub", "--repository", repository)
  return runs[0]?.id ?? ""
}

function ended(daemon: DaemonProcess, id: string): Promise<RunJson> {
  return until(
    () => json<RunJson>(daemon, "runs", id),
    ({ state }) => state === "ended",
    `run ${id} to end`,
    60_000,
  )
}

async function scrubbed(daemon: DaemonProcess, repository: string): Promise<RunJson> {
  return ended(daemon, await begin(daemon, repository))
}

async function open(daemon: DaemonProcess): Promise<FindingsJson["findings"]> {
  const { findings } = await json<FindingsJson>(daemon, "findings", "--source", "scrub")
  return findings
}

/** Where something lies that the newest snapshot of a source needs and no older one of it does. */
async function ownOfNewest(directory: string, password: string, isOf: (snapshot: Snapshot) => boolean) {
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: new Secret(password),
  })
  const contents = await repository.openContents()
  const own = [...(await repository.list()).snapshots].filter(isOf)
  const newest = own.pop()
  const older = new Set<string>()
  for (const snapshot of own) for (const part of await filePartsOf(contents, snapshot)) older.add(part)
  const parts = newest === undefined ? [] : await filePartsOf(contents, newest)
  const part = parts.find((one) => !older.has(one)) ?? ""
  const { stored } = contents
  const { pack, offset, length } = stored.placeAt(stored.placesAt(stored.rowOf(part) ?? -1)[0] ?? -1)
  return { blob: stored.packFile(pack), offset: offset + Math.floor(length / 2), good: own.at(-1)?.id ?? "" }
}

async function filePartsOf(contents: SnapshotContents, snapshot: Snapshot): Promise<string[]> {
  const parts: string[] = []
  const folders = [contents.root(snapshot)]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await contents.list(folder)) {
      if (entry.kind === "directory") folders.push(entry)
      else if (entry.kind === "file") for await (const part of contents.parts(entry)) parts.push(part)
    }
  }
  return parts
}

const DAY = 86_400_000

/** As if everything had been read two days ago, and the last run had been a day ago. */
function age(daemon: DaemonProcess): void {
  const { connection } = openScrubLedger(daemon.state, { alone: false, damaged: false })
  const keys = connection.prepare<[], string>("SELECT key FROM place").pluck().all()
  for (const key of keys) {
    const ledger = new PlaceLedger(connection, key, () => Date.now() - DAY)
    const old = new Map<string, BlobRecord>()
    for (const path of [...ledger.paths()]) {
      const record = ledger.known(path)
      if (record !== undefined) old.set(path, { ...record, lastChecked: record.lastChecked - 2 * DAY })
    }
    ledger.checked(old)
    ledger.ended()
  }
  connection.close()
}

const daily = { scrub: { every: "1d" } }

describe("the daemon's scrub of a Kopia repository", () => {
  it("learns it at once, finds a flipped bit, takes the restore back and gives it again when the file is healed", async () => {
    const { daemon, store } = await stage(
      [sharedKopia],
      (root) => {
        place("kopia/cluster-shared", join(root, "kopia"))
      },
      daily,
    )
    const kopia = join(store, "kopia")
    await daemon.answers("home/home-assistant", "restore")
    const first = await scrubbed(daemon, "shared")
    expect(first).toMatchObject({ outcome: "ok", facts: { engine: "kopia", damaged: 0 } })
    expect(first.facts["learnt"]).toBeGreaterThan(10)
    expect(first.facts["bytesPerSecond"]).toBeGreaterThan(0)
    expect(await open(daemon)).toEqual([])
    expect(statSync(join(daemon.state, "scrub.sqlite")).mode & 0o777).toBe(0o600)
    const second = await scrubbed(daemon, "shared")
    expect(second).toMatchObject({ outcome: "ok", facts: { learnt: 0 } })
    expect(second.facts["bytes"]).toBeLessThan(Number(first.facts["bytes"]) / 4)

    const isOf = ({ source }: Snapshot) => source.user === "home-assistant" && source.host === "home"
    const { blob, offset, good } = await ownOfNewest(kopia, SHARED_PASSWORD, isOf)
    const heal = rot(join(kopia, blob), offset)
    age(daemon)
    expect(await scrubbed(daemon, "shared")).toMatchObject({ outcome: "findings", facts: { damaged: 1 } })
    const answer = await daemon.answers("home/home-assistant", "newest_damaged")
    expect(answer).toMatchObject({ status: 503, authoritative: false })
    expect(answer.error).toContain(`The newest that is not known to be damaged is ${good}`)
    expect((await daemon.exists("home/brand-new")).decision).toBe("fresh")
    const [finding] = await open(daemon)
    expect(finding).toMatchObject({ code: "file_corrupt", severity: "critical", state: "open" })
    expect(finding?.hint).toContain(`cistern mend ${blob} --at ${kopia}`)

    heal()
    expect(await scrubbed(daemon, "shared")).toMatchObject({ outcome: "ok", facts: { damaged: 0 } })
    await daemon.answers("home/home-assistant", "restore")
    expect(await open(daemon)).toEqual([])
  }, 120_000)
})

describe("a ledger that is damaged while the daemon runs", () => {
  it("is kept aside, told with the next step, and learnt anew", async () => {
    const { daemon } = await stage([sharedKopia], (root) => {
      place("kopia/cluster-shared", join(root, "kopia"))
    })
    const first = await scrubbed(daemon, "shared")
    const file = join(daemon.state, "scrub.sqlite")
    const bytes = readFileSync(file).fill(0x55, 0, 100)
    writeFileSync(file, bytes)
    const second = await scrubbed(daemon, "shared")
    expect(second).toMatchObject({ outcome: "ok", facts: { learnt: first.facts["learnt"] } })
    const [finding] = await open(daemon)
    expect(finding).toMatchObject({ code: "ledger_lost", severity: "warning", state: "open" })
    const kept = readdirSync(daemon.state).filter((name) => name.startsWith("scrub.sqlite.damaged-"))
    expect(kept).toHaveLength(1)
    expect(readFileSync(join(daemon.state, kept[0] ?? "")).equals(bytes)).toBe(true)
    expect(await scrubbed(daemon, "shared")).toMatchObject({ outcome: "ok", facts: { learnt: 0 } })
    expect(await open(daemon)).toHaveLength(1)
  }, 120_000)
})

const PER_VOLUME = { ...perVolumeRestic, new: true }

/** Two backups of a volume by the real restic, a gigantic file in each. */
async function backUpTwice(store: string): Promise<void> {
  const directory = join(store, "restic/media/radarr")
  mkdirSync(directory, { recursive: true })
  const repository = new ResticRepository(directory, "radarr-pw")
  await repository.run("init")
  for (let count = 0; count < 2; count++) {
    const backup = repository.backup()
    await backup.reads(2)
    expect((await backup.ends()).exitCode).toBe(0)
  }
  // What is wrong in a file that may still be being written is told only ten seconds later.
  const then = new Date(Date.now() - DAY)
  for (const file of filesBelow(directory, /./)) utimesSync(file, then, then)
}

describe("the daemon's scrub of a restic repository", () => {
  it("finds a flipped bit at the first run, and names the newest good snapshot", async () => {
    const { daemon, store } = await stage([PER_VOLUME], backUpTwice)
    const directory = join(store, "restic/media/radarr")
    await daemon.answers("media/radarr", "restore")
    const { blob, offset, good } = await ownOfNewest(directory, "radarr-pw", () => true)
    const heal = rot(join(directory, blob), offset)
    expect(await scrubbed(daemon, "per-volume")).toMatchObject({
      outcome: "findings",
      facts: { engine: "restic", damaged: 1, snapshotsDamaged: 1 },
    })
    const answer = await daemon.answers("media/radarr", "newest_damaged")
    expect(answer.error).toContain(good)
    // Over a restart, too.
    await daemon.stop()
    const again = await startDaemon({ state: daemon.state })
    await again.answers("media/radarr", "newest_damaged")
    heal()
    expect(await scrubbed(again, "per-volume")).toMatchObject({ outcome: "ok" })
    await again.answers("media/radarr", "restore")
    expect(await open(again)).toEqual([])
  }, 120_000)

  it("with a wrong password scrubs all the same, and says that the cost could not be told", async () => {
    const wrong = { ...PER_VOLUME, password: { value: "another" } }
    const { daemon, store } = await stage([wrong], backUpTwice)
    const directory = join(store, "restic/media/radarr")
    await daemon.answers("media/radarr", "wrong_password")
    const { blob, offset } = await ownOfNewest(directory, "radarr-pw", () => true)
    rot(join(directory, blob), offset)
    const run = await scrubbed(daemon, "per-volume")
    expect(run).toMatchObject({ outcome: "findings", facts: { damaged: 1, impactUnknown: "wrong_password" } })
    const [finding] = await open(daemon)
    expect(finding).toMatchObject({ code: "file_corrupt", severity: "critical", volumes: 1 })
  }, 120_000)
})

describe("a scrub that does not come to its end", () => {
  const slow = { scrub: { limit: "1MiB", readers: 1 } }
  const PACKS = 8
  const volume = "restic/media/radarr"

  async function slowStage(): Promise<Stage & { directory: string }> {
    const here = await stage(
      [PER_VOLUME],
      (root) => {
        mkdirSync(join(root, "restic/media"), { recursive: true })
        writePacks(join(root, volume), PACKS)
      },
      slow,
    )
    const directory = join(here.store, volume)
    await here.daemon.answers("media/radarr", "unknown")
    return { ...here, directory }
  }

  async function inTheMiddle(daemon: DaemonProcess): Promise<string> {
    const id = await begin(daemon, "per-volume")
    await until(
      () => json<RunJson>(daemon, "runs", id),
      ({ progress }) => (progress?.done ?? 0) > 3 * MIB,
      "some of it to be read",
    )
    return id
  }

  it("because its filesystem is unmounted by force fails, and says of no file that it is damaged", async () => {
    const { daemon, store } = await slowStage()
    const id = await inTheMiddle(daemon)
    unmount(store, "by force")
    const run = await ended(daemon, id)
    expect(run).toMatchObject({ outcome: "failed", reason: "missing" })
    expect(run.message).toContain("mount")
    expect(await open(daemon)).toEqual([])
    const { connection } = openScrubLedger(daemon.state, { alone: false, damaged: false })
    for (const table of ["trouble", "gone", "oddity"])
      expect(connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(0)
    connection.close()
  }, 120_000)

  it("because the daemon is killed goes on by itself, and reads nothing again", async () => {
    const { daemon, document } = await slowStage()
    const id = await inTheMiddle(daemon)
    await daemon.kill()
    const again = await startDaemon({ state: daemon.state, document })
    const { runs } = await json<RunsJson>(again, "runs", "--job", "scrub")
    const resumed = runs.find(({ follows }) => follows === id)
    const run = await ended(again, resumed?.id ?? "")
    expect(run).toMatchObject({ outcome: "ok", facts: { damaged: 0 } })
    const { bytes, skipped } = run.facts as { bytes: number; skipped: number }
    expect(skipped).toBeGreaterThanOrEqual(2)
    // The pack that was being read when it was killed is read anew, and what was read in the second before.
    expect(bytes).toBeLessThanOrEqual((PACKS - 1) * MIB)
    expect(skipped + Number(run.facts["compared"]) + Number(run.facts["learnt"])).toBe(PACKS + 2)
  }, 120_000)
})
