import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage } from "../support/mounts.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { until } from "../support/until.js"
import { declared, identity, killRounds, kopiaStore } from "./kill-rounds.js"

describe("a full disk under the state directory", () => {
  it("costs no answer, and what was seen meanwhile is remembered once there is room", async () => {
    const { store, kopia } = kopiaStore(30)
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(8), disk)
    const state = join(disk, "state")
    const daemon = await startDaemon({ state, document: declared(store) })
    await daemon.answers("home/app", "restore")
    fill(join(disk, "filler"))

    const landed = kopia.appendSnapshot(identity)
    await until(
      async () => (await daemon.get("/exists/home/app?evidence=1")).body,
      (body) => body.includes('"snapshots":31'),
      "the snapshot that landed",
    )
    await daemon.answers("home/app", "restore")
    await daemon.answers("home/brand-new", "fresh")
    for (let volume = 0; volume < 200; volume++) await daemon.exists(`home/asked-${volume}`)
    expect(await daemon.exists("home/app")).toMatchObject({ decision: "restore" })
    expect(await ledgerCheck(daemon)).toMatchObject({ status: "fail" })

    rmSync(join(disk, "filler"))
    kopia.appendSnapshot({ ...identity, user: "another" })
    await daemon.answers("home/another", "restore")
    expect(await ledgerCheck(daemon)).toMatchObject({ status: "ok" })
    await daemon.kill()

    kopia.removeSnapshot(landed.id)
    const again = await startDaemon({ state })
    await again.answers("home/app", "newest_known_gone")
  })

  it("at the start is said, or the daemon answers; never does it begin with an empty memory", async () => {
    const { store, kopia } = kopiaStore(5)
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(8), disk)
    const state = join(disk, "state")
    const first = await startDaemon({ state, document: declared(store) })
    await first.answers("home/app", "restore")
    await first.kill()
    fill(join(disk, "filler"))
    rmSync(kopia.directory, { recursive: true })
    writeSyntheticKopia(kopia.directory, { password: "state", snapshots: 0, identities: [], seed: "swapped" })
    const second = startDaemon({ state })
    const outcome = await second.then(
      (daemon) => daemon.answers("home/app", "repository_changed").then(() => "answers"),
      (error: unknown) => String(error),
    )
    if (outcome !== "answers") expect(outcome).toMatch(/hint: .*space left/)
    rmSync(join(disk, "filler"))
    await (await second.catch(() => undefined))?.stop()
    const third = await startDaemon({ state })
    await third.answers("home/app", "repository_changed")
  })
})

describe("a daemon that is killed at any moment", () => {
  it("opens its state again with pins and ledger whole, and never says fresh where restore was", async () => {
    await killRounds(6)
  })
})

async function ledgerCheck(daemon: DaemonProcess): Promise<object | undefined> {
  const { body } = await daemon.admin("GET", "/api/v1/doctor")
  const { checks } = JSON.parse(body) as { checks: { name: string }[] }
  return checks.find(({ name }) => name === "ledger is written")
}

/** Writes until the filesystem has no room at all. */
function fill(path: string): void {
  for (const size of [65_536, 4_096, 512, 1]) {
    try {
      for (let part = 0; part < 10_000; part++) writeFileSync(path, Buffer.alloc(size, 1), { flag: "a" })
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOSPC") throw error
    }
  }
}
