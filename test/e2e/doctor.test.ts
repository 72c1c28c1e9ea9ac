import { chmodSync } from "node:fs"
import { expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { filesBelow } from "../support/damage.js"
import { scratch } from "../support/fixtures.js"
import { documentOf, giveTo, NOBODY, sharedKopia, sharedStore } from "./fleet.js"

it("the doctor names files that the daemon's user may not read, though nothing has wanted them yet", async () => {
  const { store, kopia } = sharedStore()
  chmodSync(store, 0o755)
  for (const pack of filesBelow(kopia, /^p\//)) chmodSync(pack, 0)
  giveTo(NOBODY, store)
  const state = scratch()
  giveTo(NOBODY, state)
  const daemon = await startDaemon({ state, uid: NOBODY, document: documentOf(store, [sharedKopia]) })
  await daemon.answers("home/home-assistant", "restore")
  const { body } = await daemon.admin("GET", "/api/v1/doctor")
  const { checks } = JSON.parse(body) as { checks: { name: string; status: string; detail: string }[] }
  expect(checks.find(({ name }) => name === "files of repository shared")).toMatchObject({
    status: "warn",
    detail: expect.stringContaining(
      `looked at may not be read by the daemon's user (uid ${NOBODY}), such as ${kopia}/p/`,
    ) as string,
  })
  expect(checks.find(({ name }) => name === "ledger copy in store tank")?.status).toBe("ok")
})
