import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import {
  giveTo,
  NOBODY,
  documentOf,
  moversStore,
  perVolumeRestic,
  SHARED_PASSWORD,
  sharedKopia,
  sharedStore,
} from "./fleet.js"

describe("a password in a file", () => {
  it("that is wrong at the start is read again: the right one is believed without a restart", async () => {
    const { store } = sharedStore()
    const file = join(scratch(), "password")
    writeFileSync(file, "not the password")
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, password: { file } }]),
    })
    expect(await daemon.answers("home/home-assistant", "wrong_password")).toMatchObject({ status: 503 })
    expect((await daemon.get("/readyz")).status).toBe(503)
    writeFileSync(file, SHARED_PASSWORD)
    await daemon.answers("home/home-assistant", "restore")
    await daemon.answers("home/brand-new", "fresh")
    expect((await daemon.get("/readyz")).status).toBe(200)
  })

  it("that does not exist yet leaves the answer unknown until it does", async () => {
    const { store } = moversStore()
    const file = join(scratch(), "password")
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...perVolumeRestic, password: { file } }]),
    })
    await daemon.answers("home/initialised-only", "password_missing")
    writeFileSync(file, "nothing yet")
    await daemon.answers("home/initialised-only", "fresh")
  })

  it("that is replaced under a running daemon costs no answer that was certain before", async () => {
    const { store } = sharedStore()
    const file = join(scratch(), "password")
    writeFileSync(file, SHARED_PASSWORD)
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, password: { file } }]),
    })
    await daemon.answers("home/home-assistant", "restore")
    writeFileSync(file, "of another repository")
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "restore" })
    expect(await daemon.exists("home/brand-new")).toMatchObject({ decision: "fresh" })
  })
})

describe("a repository that the daemon's user may not read", () => {
  it("is unknown while it may not, and believed again as soon as it may", async () => {
    const { store, kopia } = sharedStore()
    giveTo(NOBODY, store)
    const state = scratch()
    giveTo(NOBODY, state)
    const daemon = await startDaemon({
      state,
      uid: NOBODY,
      document: documentOf(store, [sharedKopia]),
    })
    await daemon.answers("home/home-assistant", "restore")
    chmodSync(join(kopia, "x"), 0)
    expect(await daemon.answers("home/brand-new", "repository_unreadable")).toMatchObject({ status: 503 })
    expect(await daemon.exists("home/home-assistant")).toMatchObject({ decision: "unknown" })
    chmodSync(join(kopia, "x"), 0o755)
    await daemon.answers("home/brand-new", "fresh")
    await daemon.answers("home/home-assistant", "restore")
  })
})
