import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { FindingsJson } from "../../server/http/contract/findings.js"
import type { JobSubjectsJson, RunJson, RunsJson } from "../../server/http/contract/jobs.js"
import { commandsOf } from "../support/commands.js"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage } from "../support/mounts.js"
import { runRestic } from "../support/programs.js"
import { until } from "../support/until.js"
import { documentOf, sharedKopia, sharedStore } from "./fleet.js"

const HOUR = 3_600_000

describe("anomalies of a volume, in the built daemon", () => {
  it("are told hourly by themselves or when asked, with each snapshot compared once, also over a restart", async () => {
    const [store, data] = [join(scratch(), "tank"), join(scratch(), "data")]
    mountImage(ext4Image(64), store)
    const repository = join(store, "restic/media/radarr")
    mkdirSync(repository, { recursive: true })
    mkdirSync(data)
    const backup = (hoursAgo: number) => {
      const time = new Date(Date.now() - hoursAgo * HOUR).toISOString().slice(0, 19).replace("T", " ")
      runRestic(repository, "secret", "backup", "--host", "volsync", "--force", "--time", time, data)
    }
    runRestic(repository, "secret", "init")
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000, "data"))
    backup(30)
    writeFileSync(join(data, "app.db"), Buffer.alloc(600_000))
    backup(6)
    const document = documentOf(store, [
      {
        name: "per-volume",
        engine: "restic",
        path: "restic/{namespace}/{pvc}",
        password: { value: "secret" },
        anomalies: { volumes: { "media/radarr": { interval: "24h" } } },
      },
    ])
    const first = await startDaemon({ document })
    const { json, cistern } = commandsOf(first.state)
    const planned = await until(
      () => json<JobSubjectsJson>("jobs", "anomalies"),
      ({ subjects }) => subjects.length === 1,
      "the repository to be found",
    )
    const next = Date.parse(planned.subjects[0]?.next ?? "")
    expect(next - Date.now()).toBeLessThan(2 * HOUR)
    expect((await cistern("run", "anomalies", "--all", "--wait")).exitCode).toBe(1)
    const { findings } = await json<FindingsJson>("findings", "--source", "anomalies")
    expect(findings).toMatchObject([
      { code: "file_zeroed", severity: "critical", volumes: 1, source: "anomalies" },
    ])
    const run = (await json<RunsJson>("runs", "--job", "anomalies")).runs[0]
    expect(run).toMatchObject({ outcome: "findings", message: "1 file_zeroed", facts: { compared: 1 } })
    await first.kill()

    const again = await startDaemon({ document, state: first.state })
    const later = commandsOf(again.state)
    await until(
      () => later.json<JobSubjectsJson>("jobs", "anomalies"),
      ({ subjects }) => subjects.length === 1,
      "the repository to be found",
    )
    expect((await later.cistern("run", "anomalies", "--all", "--wait")).exitCode).toBe(1)
    const second = (await later.json<RunsJson>("runs", "--job", "anomalies")).runs[0] as RunJson
    expect(second.facts).toMatchObject({ compared: 0, snapshots: 2 })
    const told = await later.json<FindingsJson>("findings", "--source", "anomalies")
    expect(told.findings).toMatchObject([{ id: findings[0]?.id, state: "open" }])
  })

  it("are told with the volumes that conventions name, and of strangers in a shared repository", async () => {
    const { store } = sharedStore()
    const conventions = ["{pvc}@{namespace}:/data"]
    const daemon = await startDaemon({ document: documentOf(store, [{ ...sharedKopia, conventions }]) })
    const { json, cistern } = commandsOf(daemon.state)
    await daemon.answers("home/home-assistant", "restore")
    expect((await cistern("run", "anomalies", "--all", "--wait")).exitCode).toBe(1)
    const { findings } = await json<FindingsJson>("findings", "--source", "anomalies")
    const strangers = findings.filter(({ code }) => code === "unknown_writer")
    const explained = /^[^@]+@[^@:]+:\/data: /
    expect(strangers.filter(({ title }) => explained.test(title))).toEqual([])
    expect(strangers.map(({ title }) => title.split(": ")[0])).toEqual([
      "postgres-16@databases:/var/lib/postgresql/data",
    ])
    const missed = findings.find(({ title }) => title.startsWith("zigbee2mqtt@home:/data"))
    expect(missed).toMatchObject({ volumes: 1 })
  })
})
