import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { mountHung } from "../support/mounts.js"
import { documentOf, place, perVolumeRestic, sharedKopia, sharedStore } from "./fleet.js"

/** design §5.3: a request never waits longer. */
const ANSWER_MS = 2_000
/** What service managers wait at the least before they kill. */
const STOP_MS = 10_000

describe("while a store's filesystem hangs, the daemon", () => {
  it("answers unknown for it in time, answers for another store as ever, and can be stopped", async () => {
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

    mountHung(kopia)
    const answer = await daemon.exists("home/not-there")
    expect(answer).toMatchObject({ status: 503, decision: "unknown" })
    expect(answer.milliseconds).toBeLessThan(ANSWER_MS)
    expect(await daemon.exists("media/radarr")).toMatchObject({ status: 200, decision: "restore" })

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
