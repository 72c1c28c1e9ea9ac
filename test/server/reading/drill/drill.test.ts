import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { Summariser } from "../../../../server/catalog/summary.js"
import { openSqlite } from "../../../../server/db/sqlite.js"
import type { Work } from "../../../../server/reading/anomalies/job.js"
import { holdDrills } from "../../../../server/reading/drill/hold-drills.js"
import { drillJob } from "../../../../server/reading/drill/job.js"
import type { DrillInput, DrillQuestion } from "../../../../server/reading/drill/questions.js"
import { DirectoryTree } from "../../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../../storage/index.js"
import { expectedOf, fixture, scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, mountTmpfs, unmount } from "../../../support/mounts.js"
import { findProgram, runRestic } from "../../../support/programs.js"
import { ReadingBench } from "../../../support/reading.js"

const DAY = 24 * 3_600_000
const MiB = 1024 * 1024

/** The thread's work in this thread, over the same copies. */
function inline(asked: (question: DrillQuestion) => void = () => undefined): Work<DrillInput> {
  return (input, context, answer) =>
    holdDrills(context, structuredClone(input), (question) => {
      asked(question as DrillQuestion)
      return Promise.resolve(structuredClone(answer(structuredClone(question))))
    })
}

/** Takes a new listing, as the catalog does when a file event tells it. */
async function list(bench: ReadingBench): Promise<void> {
  const { spec } = bench.parts.placeOf(bench.subject) ?? expect.unreachable()
  const { password, directory } = spec
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: password === undefined ? undefined : new Secret(password),
  })
  const listing = await repository.list()
  const identities = new Summariser().delta(listing).changed.map(({ summary }) => summary)
  bench.listed = { engine: listing.engine, depth: listing.depth, identities }
}

interface Restic {
  readonly bench: ReadingBench
  readonly data: string
  readonly repository: string
  readonly scratchAt: string
  readonly backup: () => Promise<void>
  readonly packs: () => string[]
}

async function restic(store = scratch(), scratchAt = scratch()): Promise<Restic> {
  const [repository, data] = [join(store, "app"), join(scratch(), "data")]
  mkdirSync(data)
  writeFileSync(join(data, "notes.txt"), "notes")
  const database = openSqlite(join(data, "app.db"))
  database.exec("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a)")
  const insert = database.prepare("INSERT INTO t VALUES (?)")
  for (let at = 0; at < 500; at++) insert.run(`row ${at} ${"x".repeat(200)}`)
  database.close()
  runRestic(repository, "secret", "init")
  const bench = new ReadingBench({ store, path: "app", engine: "restic", password: "secret" })
  bench.drillsEntry = { scratch: scratchAt, minFree: 0, engineEvery: "never", sentinels: {} }
  const backup = async () => {
    runRestic(repository, "secret", "backup", "--host", "volsync", data)
    await list(bench)
  }
  await backup()
  const packs = () =>
    execFileSync("find", [join(repository, "data"), "-type", "f"], { encoding: "utf8" })
      .trim()
      .split("\n")
  return { bench, data, repository, scratchAt, backup, packs }
}

const rows = (bench: ReadingBench) => bench.parts.drills.of(bench.subject.place)
const integrityOf = (bench: ReadingBench) => bench.integrity.inPlace(bench.subject.place, 2n ** 62n, 10)
/** Flips bits in the middle of each data pack; gives what undoes it. */
function damage(packs: readonly string[]): () => void {
  const before = packs.map((pack) => [pack, readFileSync(pack)] as const)
  const put = (pack: string, content: Buffer) => {
    rmSync(pack)
    writeFileSync(pack, content)
  }
  for (const [pack, content] of before) {
    if (content.length < 3000) continue
    const bad = Buffer.from(content)
    bad.writeUInt8(bad.readUInt8(1500) ^ 1, 1500)
    put(pack, bad)
  }
  return () => {
    for (const [pack, content] of before) put(pack, content)
  }
}

const left = (place: string) => readdirSync(place).filter((name) => name.startsWith("cistern-drill"))

describe("the job that drills", () => {
  it("restores the newest backup, checks it, records the proof, leaves nothing, and is due again after its time", async () => {
    const { bench, scratchAt, data } = await restic()
    bench.drillsEntry = {
      ...(bench.drillsEntry ?? expect.unreachable()),
      sentinels: { "media/app": [join(data, "notes.txt")] },
    }
    const job = drillJob(bench.parts, inline())
    expect(await bench.run(job)).toMatchObject({
      outcome: "ok",
      facts: { drilled: 1, failed: 0, notHeld: 0, volumes: 1, due: 0 },
    })
    expect(left(scratchAt)).toEqual([])
    expect(integrityOf(bench)).toMatchObject([
      { damage: undefined, proven: { restored: bench.now }, identity: `volsync:${data}` },
    ])
    const last = JSON.parse(rows(bench)[0]?.last ?? "") as { checks: { name: string; status: string }[] }
    const statuses = Object.fromEntries(last.checks.map(({ name, status }) => [name, status]))
    expect(statuses).toMatchObject({
      restored: "ok",
      read_back: "ok",
      sqlite: "ok",
      sentinels: "ok",
      cleaned_up: "ok",
    })
    expect(last).toMatchObject({
      files: 2,
      rate: expect.any(Number) as number,
      seconds: expect.any(Number) as number,
    })
    expect(bench.findings()).toEqual([])
    bench.now += 29 * DAY
    expect(await bench.run(job)).toMatchObject({ outcome: "ok", facts: { drilled: 0 } })
    bench.now += DAY
    expect(await bench.run(job)).toMatchObject({ outcome: "ok", facts: { drilled: 1 } })
  })

  it("says of a broken database that the backup is intact and useless, and drills the next backup soon", async () => {
    const { bench, data, backup } = await restic()
    const file = join(data, "app.db")
    const whole = readFileSync(file)
    writeFileSync(file, Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 7)]))
    await backup()
    const job = drillJob(bench.parts, inline())
    expect(await bench.run(job)).toMatchObject({ outcome: "findings", facts: { failed: 1 } })
    expect(bench.findings()).toMatchObject([
      { code: "drill_check_failed", severity: "critical", source: "drill", volumes: 1 },
    ])
    expect(bench.findings()[0]?.title).toContain("app.db")
    expect(integrityOf(bench)).toMatchObject([{ damage: undefined, proven: { restored: bench.now } }])
    bench.now += DAY
    expect(await bench.run(job)).toMatchObject({ facts: { drilled: 0 } })
    writeFileSync(file, whole)
    await backup()
    expect(await bench.run(job)).toMatchObject({ outcome: "ok", facts: { drilled: 1 } })
    expect(bench.findings()).toEqual([])
  })

  it("tells a sentinel that is missing", async () => {
    const { bench } = await restic()
    bench.drillsEntry = {
      ...(bench.drillsEntry ?? expect.unreachable()),
      sentinels: { "media/app": ["nowhere/sentinel"] },
    }
    expect(await bench.run(drillJob(bench.parts, inline()))).toMatchObject({ outcome: "findings" })
    expect(bench.findings()[0]?.title).toContain("nowhere/sentinel")
  })

  it("records damage that it has seen twice, with the paths", async () => {
    const { bench, packs } = await restic()
    damage(packs())
    const job = drillJob(bench.parts, inline())
    expect(await bench.run(job)).toMatchObject({ outcome: "findings", facts: { failed: 1 } })
    expect(bench.codes()).toEqual(["drill_check_failed"])
    const [row] = integrityOf(bench)
    expect(row).toMatchObject({
      proven: { restored: undefined },
      damage: { level: "restored", reasons: ["corrupt"], run: "run-1" },
    })
    expect(row?.damage?.sample.join()).toMatch(/app\.db|notes\.txt/)
    expect(bench.integrity.hasDamage(bench.subject.place)).toBe(true)
  })

  it("does not take for damage what can be read the second time", async () => {
    const { bench, packs } = await restic()
    const mend = damage(packs())
    const base = bench.context(new AbortController().signal)
    let mended = false
    const context = {
      ...base,
      progress: ({ text }: { text?: string | undefined }) => {
        if (mended || text?.endsWith("clean up") !== true) return
        mended = true
        mend()
      },
    }
    expect(await drillJob(bench.parts, inline()).run(context)).toMatchObject({
      outcome: "skipped",
      reason: "unstable",
    })
    expect(mended).toBe(true)
    expect(integrityOf(bench)).toEqual([])
    expect(bench.findings()).toEqual([])
  })

  it("does not take for damage what a retention that runs meanwhile removed", async () => {
    const { bench, repository, data } = await restic()
    writeFileSync(join(data, "more.txt"), "more")
    let pruned = false
    const job = drillJob(
      bench.parts,
      inline((question) => {
        if (question.ask !== "next" || pruned) return
        pruned = true
        rmSync(join(data, "app.db"))
        runRestic(repository, "secret", "backup", "--host", "volsync", data)
        runRestic(repository, "secret", "forget", "--keep-last", "1", "--prune")
      }),
    )
    expect(await bench.run(job)).toMatchObject({ outcome: "ok", facts: { drilled: 0 } })
    expect(pruned).toBe(true)
    expect(integrityOf(bench)).toEqual([])
    expect(bench.findings()).toEqual([])
  })

  it("does not begin where the scratch space is too small, and says so when that lasts", async () => {
    const place = join(scratch(), "small")
    mountTmpfs(place, "2m")
    const { bench } = await restic(scratch(), place)
    const job = drillJob(bench.parts, inline())
    expect(await bench.run(job)).toMatchObject({ outcome: "skipped", reason: "no_space" })
    expect(integrityOf(bench)).toEqual([])
    expect(bench.findings()).toEqual([])
    bench.now += 46 * DAY
    await bench.run(job)
    expect(bench.findings()).toMatchObject([{ code: "drill_overdue", severity: "info" }])
    bench.now += 60 * DAY
    await bench.run(job)
    expect(bench.findings()).toMatchObject([{ code: "drill_overdue", severity: "warning" }])
    bench.drillsEntry = { scratch: scratch(), minFree: 0, engineEvery: "never", sentinels: {} }
    expect(await bench.run(job)).toMatchObject({ outcome: "ok" })
    expect(bench.findings()).toEqual([])
  })

  it.each([
    { what: "fill the scratch space", disk: 256, minFree: 1, theirs: 200 },
    { what: "leave less of it than is to stay free", disk: 400, minFree: 100, theirs: 220 },
  ])("ends a drill when others $what, and takes nothing for damage", async ({ disk, minFree, theirs }) => {
    const place = join(scratch(), "shared")
    mountImage(ext4Image(disk), place)
    const { bench, data, backup } = await restic(scratch(), place)
    const big = execFileSync("head", ["-c", String(60 * MiB), "/dev/urandom"], { maxBuffer: 70 * MiB })
    writeFileSync(join(data, "big.bin"), big)
    await backup()
    bench.drillsEntry = { ...(bench.drillsEntry ?? expect.unreachable()), minFree: minFree * MiB }
    let filled = false
    const context = {
      ...bench.context(new AbortController().signal),
      // Somebody else's file grows right when it begins.
      progress: ({ done }: { done: number }) => {
        if (done === 0 || filled) return
        filled = true
        execFileSync("fallocate", ["-l", String(theirs * MiB), join(place, "theirs")])
      },
      // A repository on a slow disk.
      standBack: () => delay(filled ? 50 : 0),
    }
    expect(await drillJob(bench.parts, inline()).run(context)).toMatchObject({
      outcome: "skipped",
      reason: "no_space",
    })
    expect(filled).toBe(true)
    expect(left(place)).toEqual([])
    expect(integrityOf(bench)).toEqual([])
    expect(bench.findings()).toEqual([])
  })

  it("is skipped, and says that nobody knows, where the scratch space is not there", async () => {
    const { bench } = await restic(scratch(), join(scratch(), "not-mounted"))
    expect(await bench.run(drillJob(bench.parts, inline()))).toMatchObject({
      outcome: "skipped",
      reason: "no_scratch",
    })
    const look = bench.room.looks.of({ source: "drill", scope: bench.subject.place })
    expect(look.unknown?.why).toContain("not-mounted")
  })

  it("uses a folder of the state directory where none is named", async () => {
    const { bench } = await restic()
    bench.drillsEntry = { minFree: 0, engineEvery: "never", sentinels: {} }
    expect(await bench.run(drillJob(bench.parts, inline()))).toMatchObject({
      outcome: "ok",
      facts: { drilled: 1 },
    })
    expect(readdirSync(join(bench.state, "drills"))).toEqual([])
  })

  it("does not restore into the repository itself", async () => {
    const { bench, repository } = await restic()
    mkdirSync(join(repository, "tmp"))
    bench.drillsEntry = { scratch: join(repository, "tmp"), minFree: 0, engineEvery: "never", sentinels: {} }
    await expect(bench.run(drillJob(bench.parts, inline()))).rejects.toMatchObject({ code: "invalid" })
    expect(left(join(repository, "tmp"))).toEqual([])
  })

  it("records nothing when the store is unmounted by force in the middle", async () => {
    const store = join(scratch(), "store")
    mountImage(ext4Image(64), store)
    const { bench, scratchAt } = await restic(store)
    const base = bench.context(new AbortController().signal)
    let gone = false
    const context = {
      ...base,
      progress: () => {
        if (!gone) unmount(store, "by force")
        gone = true
      },
    }
    await expect(drillJob(bench.parts, inline()).run(context)).rejects.toMatchObject({ code: "missing" })
    expect(gone).toBe(true)
    expect(integrityOf(bench)).toEqual([])
    expect(bench.findings()).toEqual([])
    expect(left(scratchAt)).toEqual([])
  })

  it.skipIf(findProgram("restic") === undefined)(
    "compares with the real restic now and then, byte for byte",
    async () => {
      const { bench, scratchAt } = await restic()
      bench.drillsEntry = { scratch: scratchAt, minFree: 0, sentinels: {} }
      const job = drillJob(bench.parts, inline())
      expect(await bench.run(job)).toMatchObject({ outcome: "ok" })
      expect(rows(bench)).toMatchObject([{ engineAt: bench.now }])
      const checks = () =>
        (JSON.parse(rows(bench)[0]?.last ?? "") as { checks: { name: string; status: string }[] }).checks
      expect(checks().find(({ name }) => name === "engine")?.status).toBe("ok")
      bench.now += 31 * DAY
      await bench.run(job)
      expect(checks().find(({ name }) => name === "engine")?.status).toBe("skipped")
    },
  )

  it("drills every volume of a shared Kopia repository, the cheapest first, and goes on where it was ended", async () => {
    const store = scratch()
    execFileSync("cp", ["-a", fixture("kopia/cluster-shared"), join(store, "kopia")])
    const password = String(expectedOf("kopia/cluster-shared").password)
    const bench = new ReadingBench({ store, path: "kopia", engine: "kopia", password })
    const scratchAt = scratch()
    bench.drillsEntry = { scratch: scratchAt, minFree: 0, engineEvery: "never", sentinels: {} }
    await list(bench)
    const controller = new AbortController()
    const sizes: number[] = []
    const first = drillJob(
      bench.parts,
      inline((question) => {
        if (question.ask === "done" && question.reply.kind === "drilled") sizes.push(question.reply.bytes)
        if (question.ask === "next" && sizes.length === 3) controller.abort(new Error("stopped"))
      }),
    )
    await expect(bench.run(first, controller.signal)).rejects.toThrow("stopped")
    const drilled = () => rows(bench).filter(({ drilledAt }) => drilledAt !== null).length
    expect(drilled()).toBe(3)
    expect(sizes).toEqual([...sizes].sort((one, other) => one - other))
    const outcome = await bench.run(drillJob(bench.parts, inline()))
    expect(outcome).toMatchObject({ outcome: "ok", facts: { due: 0, failed: 0 } })
    expect(drilled()).toBe(rows(bench).length)
    expect(drilled()).toBeGreaterThan(5)
    expect(integrityOf(bench).every(({ proven }) => proven.restored !== undefined)).toBe(true)
    expect(left(scratchAt)).toEqual([])
  })

  it("is skipped without the password, and before the first listing", async () => {
    const { bench } = await restic()
    const { listed } = bench
    bench.listed = undefined
    const job = drillJob(bench.parts, inline(), 10)
    expect(await bench.run(job)).toMatchObject({ outcome: "skipped", reason: "not_listed" })
    bench.listed = { ...(listed ?? expect.unreachable()), depth: "names" }
    expect(await bench.run(job)).toMatchObject({ outcome: "skipped", reason: "password_missing" })
    bench.listed = listed
    bench.password = "wrong"
    await expect(bench.run(job)).rejects.toMatchObject({ code: "wrong_password" })
    expect(integrityOf(bench)).toEqual([])
  })
})
