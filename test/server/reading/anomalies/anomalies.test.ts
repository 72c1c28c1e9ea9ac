import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { forgetUndeclared } from "../../../../server/reading/index.js"
import { anomaliesJob, type Work } from "../../../../server/reading/anomalies/job.js"
import { lookForAnomalies } from "../../../../server/reading/anomalies/look.js"
import type { AnomaliesInput, AnomaliesQuestion } from "../../../../server/reading/anomalies/questions.js"
import { expectedOf, fixture, scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../../../support/mounts.js"
import { runRestic } from "../../../support/programs.js"
import { ReadingBench } from "../../../support/reading.js"

const DAY = 24 * 3_600_000
const whenMade = Date.parse("2026-11-19T12:00:00Z")

/** The thread's work in this thread, over the same copies. `asked` sees each question before its answer. */
function inline(asked: (question: AnomaliesQuestion) => void = () => undefined): Work<AnomaliesInput> {
  return (input, context, answer) =>
    lookForAnomalies(context, structuredClone(input), (question) => {
      asked(question as AnomaliesQuestion)
      return Promise.resolve(structuredClone(answer(structuredClone(question))))
    })
}

function zeroFiles(store = scratch(), now = whenMade): ReadingBench {
  const name = "kopia/zero-files"
  execFileSync("cp", ["-a", fixture(name), join(store, "kopia")])
  const password = String(expectedOf(name).password)
  return new ReadingBench({ store, path: "kopia", engine: "kopia", password }, now)
}

/** A restic repository of one volume that is backed up whenever a test says so. */
function restic(store = scratch()) {
  const [repository, data] = [join(store, "app"), join(scratch(), "data")]
  mkdirSync(data)
  runRestic(repository, "secret", "init")
  const bench = new ReadingBench({ store, path: "app", engine: "restic", password: "secret" })
  return {
    bench,
    data,
    repository,
    backup: (at: number) => {
      const time = new Date(at).toISOString().slice(0, 19).replace("T", " ")
      runRestic(repository, "secret", "backup", "--host", "volsync", "--force", "--time", time, data)
    },
  }
}

describe("the job that looks for anomalies", () => {
  it("tells zeros and losses as findings of their place, with the volumes that names tell", async () => {
    const bench = zeroFiles()
    const outcome = await bench.run(anomaliesJob(bench.parts, inline()))
    expect(outcome).toMatchObject({ outcome: "findings", facts: { sources: 3, compared: 3 } })
    expect(new Set(bench.codes())).toEqual(new Set(["file_zeroed", "files_lost", "mass_deletion"]))
    const [zeroed] = bench.findings({ code: "file_zeroed" })
    expect(zeroed).toMatchObject({ source: "anomalies", scope: "tank:kopia", severity: "critical" })
    expect(zeroed?.title).toMatch(/^(touched|nextcloud)@cloud:\/data: /)
    const ofVolume = bench.findings({ volume: "cloud/shrunk" }).map(({ code }) => code)
    expect(ofVolume.sort()).toEqual(["files_lost", "mass_deletion"])
  })

  it("compares only what is new, remembers what it found over a restart, and forgets it with its snapshot", async () => {
    const { bench, data, backup, repository } = restic()
    const start = Date.now() - 10 * DAY
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000, "data"))
    backup(start)
    backup(start + DAY)
    bench.now = start + DAY + 1
    const compared: string[] = []
    const job = anomaliesJob(
      bench.parts,
      inline((question) => {
        if (question.ask === "compared") compared.push(question.source)
      }),
    )
    expect(await bench.run(job)).toMatchObject({ outcome: "ok", facts: { compared: 1 } })
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000))
    backup(start + 2 * DAY)
    bench.now = start + 2 * DAY + 1
    expect(await bench.run(job)).toMatchObject({ outcome: "findings", facts: { compared: 1 } })
    expect(bench.codes()).toEqual(["file_zeroed"])
    expect(await bench.run(job)).toMatchObject({ outcome: "findings", facts: { compared: 0 } })
    expect(compared).toHaveLength(2)
    expect(bench.codes()).toEqual(["file_zeroed"])
    // One more, which is like the one before: what was found stays told as long as its snapshot is there.
    backup(start + 3 * DAY)
    bench.now = start + 3 * DAY + 1
    await bench.run(job)
    expect(bench.codes()).toEqual(["file_zeroed"])
    const [, , third] = snapshotsOf(repository)
    runRestic(repository, "secret", "forget", third ?? "")
    await bench.run(job)
    expect(bench.codes()).toEqual([])
  })

  it("tells a missed backup though no snapshot came, and closes it with the next one", async () => {
    const { bench, data, backup } = restic()
    const start = Date.now() - 20 * DAY
    writeFileSync(join(data, "a"), "a")
    for (let day = 0; day < 6; day++) backup(start + day * DAY)
    const job = anomaliesJob(bench.parts, inline())
    bench.now = start + 5.5 * DAY
    await bench.run(job)
    expect(bench.codes()).toEqual([])
    bench.now = start + 9 * DAY
    expect(await bench.run(job)).toMatchObject({ outcome: "findings", facts: { compared: 0 } })
    expect(bench.codes()).toEqual(["backup_missed"])
    backup(start + 9 * DAY)
    await bench.run(job)
    expect(bench.codes()).toEqual([])
  })

  it("takes limits from the document, a volume's before the repository's", async () => {
    const bench = zeroFiles()
    const job = anomaliesJob(bench.parts, inline())
    bench.entry = {
      ...bench.entry,
      anomalies: {
        off: ["file_zeroed"],
        volumes: { "cloud/touched": { off: ["zeros_from_start"] }, "cloud/shrunk": { off: ["files_lost"] } },
      },
    }
    await bench.run(job)
    expect(bench.findings().map(({ title }) => title.split(":")[0])).toEqual([
      "touched@cloud",
      "shrunk@cloud",
    ])
    // What is switched off later is no longer told, though it was found before.
    bench.entry = { ...bench.entry, anomalies: { off: ["file_zeroed", "mass_deletion"], volumes: {} } }
    await bench.run(job)
    expect(bench.codes()).toEqual(["files_lost"])
  })

  it("is muted by the mutes of findings, which end at their time", async () => {
    const bench = zeroFiles()
    const job = anomaliesJob(bench.parts, inline())
    await bench.run(job)
    const [zeroed] = bench.findings({ code: "file_zeroed" })
    const { kind = "", key = "" } = zeroed?.subject ?? {}
    const until = new Date(bench.now + 2 * DAY).toISOString()
    bench.room.views.mute({ code: "file_zeroed", subject: { kind, key }, until, why: "known" }, "anna")
    const muted = () => bench.codes({ muted: "true" })
    expect(muted()).toEqual(["file_zeroed"])
    bench.now += DAY
    await bench.run(job)
    expect(muted()).toEqual(["file_zeroed"])
    bench.now += DAY + 1
    await bench.run(job)
    bench.room.findings.expire()
    expect(muted()).toEqual([])
    expect(bench.codes({ muted: "false" })).toContain("file_zeroed")
  })

  it("tells a stranger in a shared repository, and of a snapshot of the future does not let it hide the next ones", async () => {
    const bench = zeroFiles()
    const expected = new Set(["touched", "shrunk"])
    const parts = {
      ...bench.parts,
      isExpected: (_: string, { user }: { user: string }) => expected.has(user),
    }
    await bench.run(anomaliesJob({ ...parts, volumesOfSource: () => [] }, inline()))
    const strangers = bench.findings({ code: "unknown_writer" })
    expect(strangers.map(({ severity }) => severity)).toEqual(["warning"])
    expect(strangers[0]?.title).toContain("nextcloud@cloud")

    const { bench: later, data, backup } = restic()
    const start = Date.now() - 10 * DAY
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000, "data"))
    backup(start)
    backup(start + 5 * DAY)
    later.now = start + 1
    const job = anomaliesJob(later.parts, inline())
    await later.run(job)
    expect(later.codes()).toEqual(["in_future"])
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000))
    backup(start + DAY)
    later.now = start + DAY + 1
    await later.run(job)
    expect(later.codes()).toEqual(["file_zeroed", "in_future"])
  })

  it("tries again once a day what could not be compared, and tells what it then sees", async () => {
    const { bench, data, backup, repository } = restic()
    const start = Date.now() - 10 * DAY
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000, "data"))
    backup(start)
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000))
    backup(start + DAY)
    bench.now = start + DAY + 1
    const aside = scratch()
    const packs = execFileSync("find", [join(repository, "data"), "-type", "f"], { encoding: "utf8" })
      .trim()
      .split("\n")
    for (const [at, pack] of packs.entries()) execFileSync("mv", [pack, join(aside, String(at))])
    const job = anomaliesJob(bench.parts, inline())
    await bench.run(job)
    expect(bench.codes()).toEqual(["not_compared"])
    for (const [at, pack] of packs.entries()) execFileSync("mv", [join(aside, String(at)), pack])
    expect(await bench.run(job)).toMatchObject({ facts: { compared: 1 } })
    expect(bench.codes()).toEqual(["file_zeroed"])
    expect(await bench.run(job)).toMatchObject({ facts: { compared: 0 } })
  })

  it("records nothing when its filesystem is unmounted in the middle, and closes no finding", async () => {
    const store = join(scratch(), "store")
    mountImage(ext4Image(32), store)
    const bench = zeroFiles(store)
    await bench.run(anomaliesJob(bench.parts, inline()))
    const before = bench.codes()
    bench.database.connection.exec("DELETE FROM anomaly_memory")
    let gone = false
    const failing = anomaliesJob(
      bench.parts,
      inline((question) => {
        if (question.ask === "about") {
          unmount(store, "by force")
          gone = true
        } else expect.unreachable(question.ask)
      }),
    )
    await expect(bench.run(failing)).rejects.toMatchObject({ code: "missing" })
    expect(gone).toBe(true)
    expect(bench.codes()).toEqual(before)
    expect(bench.parts.anomalyMemory.places()).toEqual([])
    const look = bench.room.looks.of({ source: "anomalies", scope: "tank:kopia" })
    expect(look.unknown?.why).toContain("mounted")
  })

  it("fails with a wrong password, is skipped without one where nothing can be read, and where nothing is yet", async () => {
    const bench = zeroFiles()
    const job = anomaliesJob(bench.parts, inline())
    bench.password = "wrong"
    await expect(bench.run(job)).rejects.toMatchObject({ code: "wrong_password" })
    bench.password = undefined
    expect(await bench.run(job)).toMatchObject({ outcome: "skipped", reason: "password_missing" })
    const empty = scratch()
    mkdirSync(join(empty, "kopia"))
    const entry = { new: true }
    const first = new ReadingBench({ store: empty, path: "kopia", engine: "kopia", password: "p", entry })
    expect(await first.run(anomaliesJob(first.parts, inline()))).toMatchObject({
      outcome: "skipped",
      reason: "nothing_yet",
    })
    first.declared = false
    expect(await first.run(anomaliesJob(first.parts, inline()))).toMatchObject({ reason: "not_declared" })
  })

  it("looks at times alone in a restic repository without its password", async () => {
    const { bench, data, backup } = restic()
    const start = Date.now() - 3 * DAY
    writeFileSync(join(data, "a"), "a")
    backup(start)
    bench.password = undefined
    const outcome = await bench.run(anomaliesJob(bench.parts, inline()))
    expect(outcome).toMatchObject({ outcome: "ok", facts: { compared: 0 } })
    expect(outcome).toHaveProperty("message")
  })

  it("closes what it told of a place that is declared no more, and forgets its memory", async () => {
    const bench = zeroFiles()
    await bench.run(anomaliesJob(bench.parts, inline()))
    expect(bench.codes()).not.toEqual([])
    forgetUndeclared(bench.parts)
    expect(bench.codes()).not.toEqual([])
    expect(bench.parts.anomalyMemory.places()).toEqual([bench.subject.place])
    bench.declared = false
    forgetUndeclared(bench.parts)
    expect(bench.codes()).toEqual([])
    expect(bench.parts.anomalyMemory.places()).toEqual([])
  })
})

function snapshotsOf(repository: string): string[] {
  const listed = JSON.parse(runRestic(repository, "secret", "snapshots", "--json")) as {
    id: string
    time: string
  }[]
  expect(readdirSync(join(repository, "snapshots"))).toHaveLength(listed.length)
  return listed.sort((one, other) => (one.time < other.time ? -1 : 1)).map(({ id }) => id)
}
