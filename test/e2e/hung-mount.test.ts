import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { cli } from "../support/cli.js"
import { mountHung } from "../support/mounts.js"
import { until } from "../support/until.js"
import { documentOf, place, perVolumeRestic, sharedKopia, sharedStore } from "./fleet.js"

/** design §5.3: a request never waits longer. */
const ANSWER_MS = 2_000
/** What service managers wait at the least before they kill. */
const STOP_MS = 10_000
/** Ten seconds of silence, and as long as it may take until somebody looks. */
const NOT_READY_MS = 15_000

describe("while a store's filesystem hangs, the daemon", () => {
  it("answers unknown for it in time, answers for another store as ever, is soon not ready, names the store, and can be stopped", async () => {
    const { store, kopia } = sharedStore()
    const other = scratch()
    place("restic/movers", join(other, "restic"))
    const document = {
      ...documentOf(store, [
        { ...sharedKopia, namespaces: ["*", "!media"] },
        { ...perVolumeRestic, store: "own", namespaces: ["media"] },
      ]),
      stores: [
        { name: "tank", path: store, allowRoot: true },
        { name: "own", path: other, allowRoot: true },
      ],
    }
    const daemon = await startDaemon({ document })
    await daemon.answers("home/never-seen", "fresh")
    await daemon.answers("media/radarr", "restore")
    expect(await daemon.get("/readyz")).toMatchObject({ status: 200 })

    mountHung(kopia)
    const answer = await daemon.exists("home/not-there")
    expect(answer).toMatchObject({ status: 503, decision: "unknown" })
    expect(answer.milliseconds).toBeLessThan(ANSWER_MS)
    expect(await daemon.exists("media/radarr")).toMatchObject({ status: 200, decision: "restore" })

    const readiness = await until(
      () => daemon.get("/readyz"),
      ({ status }) => status === 503,
      "the daemon to be not ready",
      NOT_READY_MS,
    )
    expect(readiness.body).toContain('The filesystem of store \\"tank\\" has not answered since')
    const at = performance.now()
    expect(await daemon.exists("home/not-there")).toMatchObject({ decision: "unknown" })
    expect(performance.now() - at).toBeLessThan(1_000)
    const doctor = await cli(["doctor"], { environment: { CISTERN_STATE: daemon.state } })
    expect(doctor.stdout).toMatch(
      /FAIL {2}store tank: The filesystem of store "tank" has not answered since 20/,
    )
    expect(doctor.stdout).toContain("ok    store own")
    const { body: metrics } = await daemon.get("/metrics")
    expect(metrics).toContain('cistern_store_up{store="tank"} 0')
    expect(metrics).toContain('cistern_store_up{store="own"} 1')

    const asked = performance.now()
    const { signal } = await daemon.stop()
    expect(performance.now() - asked).toBeLessThan(STOP_MS)
    expect(signal).toBe("SIGTERM")
  })

  it("starts, and says unknown", async () => {
    const kopia = join(scratch(), "kopia")
    mkdirSync(kopia)
    mountHung(kopia)
    const environment = {
      BACKEND_TYPE: "kopia-fs",
      KOPIA_REPOSITORY_PATH: kopia,
      KOPIA_PASSWORD: "never used",
      PORT: "0",
      CISTERN_LISTEN: "",
    }
    const daemon = await startDaemon({ environment })
    expect(await daemon.exists("media/radarr")).toMatchObject({ status: 503, decision: "unknown" })
    expect((await daemon.stop()).signal).toBe("SIGTERM")
  })
})
