import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { openSqlite } from "../../server/db/sqlite.js"
import { type DaemonProcess, refusedStart, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { REAL_COST, writeSyntheticRestic } from "../support/synthetic-restic.js"
import { until } from "../support/until.js"
import { documentOf, perVolumeRestic, sharedKopia, sharedStore } from "./fleet.js"

const asked = [
  "home/home-assistant",
  "monitoring/grafana",
  "home/brand-new",
  "home/zigbee2mqtt",
  "home/my.app",
  "media/radarr",
]

async function allAnswers(daemon: DaemonProcess): Promise<string[]> {
  await daemon.answers("home/home-assistant", "restore")
  const replies = await Promise.all(asked.map((volume) => daemon.get(`/exists/${volume}?evidence=1`)))
  return replies.map(({ body }) => body)
}

describe("a daemon that is started again", () => {
  it("answers byte for byte as before, from its state alone, after an orderly end and after SIGKILL", async () => {
    const { store } = sharedStore()
    const first = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    const before = await allAnswers(first)
    expect(new Set(before).size).toBe(asked.length)
    expect((await first.stop()).exitCode).toBe(0)

    const second = await startDaemon({ state: first.state })
    expect(await allAnswers(second)).toEqual(before)
    await second.kill()

    const third = await startDaemon({ state: first.state })
    expect(await allAnswers(third)).toEqual(before)
  })

  it("does not stretch again the passwords that it has stretched once", async () => {
    const store = scratch()
    const repositories = 8
    for (let volume = 0; volume < repositories; volume++) {
      writeSyntheticRestic(join(store, "restic/apps", `app-${volume}`), {
        password: "radarr-pw",
        snapshots: 1,
        seed: `volume ${volume}`,
        cost: REAL_COST,
      })
    }
    const document = documentOf(store, [perVolumeRestic])
    const first = await startDaemon({ document })
    await allListed(first, repositories)
    const stretching = cpuSeconds(first.pid)
    await first.stop()
    expect(stretchedKeys(first.state)).toBe(repositories)

    const second = await startDaemon({ state: first.state })
    await allListed(second, repositories)
    await second.answers("apps/app-7", "restore")
    // Measured in processor time, which does not depend on what else this machine does.
    expect(cpuSeconds(second.pid)).toBeLessThan(stretching / 2)
    await second.stop()
    expect(stretchedKeys(first.state)).toBe(repositories)
  })
})

describe("a state directory", () => {
  it("that a running daemon holds is refused to a second one, which names the first", async () => {
    const { store } = sharedStore()
    const first = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await first.answers("home/home-assistant", "restore")
    const { exitCode, stderr } = await refusedStart({ state: first.state })
    expect(exitCode).toBe(3)
    expect(stderr).toContain(`another Cistern (process ${first.pid}) works on the state directory`)
    expect(await first.exists("home/brand-new")).toMatchObject({ decision: "fresh" })
    const socket = await first.admin("GET", "/api/v1/repositories")
    expect(socket.status).toBe(200)
  })

  it("that a later version wrote is refused and left as it is", async () => {
    const daemon = await startDaemon()
    await daemon.stop()
    const database = openSqlite(join(daemon.state, "state.sqlite"))
    database.prepare("INSERT INTO migration VALUES ('9999-from-the-future', 0)").run()
    database.close()
    const before = hashOf(daemon.state)
    const { exitCode, stderr } = await refusedStart({ state: daemon.state })
    expect(exitCode).toBe(3)
    expect(stderr).toContain("9999-from-the-future")
    expect(stderr).toContain("hint: Install that version again")
    expect(hashOf(daemon.state)).toBe(before)
  })

  it("that is damaged is refused with what to do, instead of beginning anew", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    await daemon.stop()
    const file = join(daemon.state, "state.sqlite")
    execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=512", "seek=4", "count=64", "conv=notrunc"], {
      stdio: "ignore",
    })
    const { exitCode, stderr } = await refusedStart({ state: daemon.state })
    expect(exitCode).toBe(3)
    expect(stderr).toContain("[corrupt]")
    expect(stderr).toContain("hint: ")
  })
})

async function allListed(daemon: DaemonProcess, count: number): Promise<void> {
  await until(
    async () => {
      const { body } = await daemon.admin("GET", "/api/v1/repositories")
      const { repositories } = JSON.parse(body) as { repositories: { places: { listed: number } }[] }
      return repositories[0]?.places.listed
    },
    (listed) => listed === count,
    `${count} repositories listed`,
    60_000,
  )
}

/** Processor time that a process has used, in all its threads. */
function cpuSeconds(pid: number): number {
  const fields = execFileSync("cat", [`/proc/${pid}/stat`], { encoding: "utf8" })
    .split(") ")[1]
    ?.split(" ")
  return (Number(fields?.[11]) + Number(fields?.[12])) / 100
}

function stretchedKeys(state: string): number {
  const database = openSqlite(join(state, "state.sqlite"), { readonly: true })
  const count = database.prepare<[], number>("SELECT count(*) FROM stretched_key").pluck().get()
  database.close()
  return count ?? 0
}

/** One digest of the database, whose side files come and go by opening it. */
function hashOf(state: string): string {
  return execFileSync("sha256sum", [join(state, "state.sqlite")], { encoding: "utf8" })
}
