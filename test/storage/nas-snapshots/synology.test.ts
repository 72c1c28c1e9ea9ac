import { beforeEach, describe, expect, it } from "vitest"
import type { DsmClient } from "../../../storage/nas/index.js"
import { synologySnapshots } from "../../../storage/nas-snapshots/synology.js"
import { clientOf, QuickClock } from "../../support/dsm-client.js"
import { FakeDsm } from "../../support/fake-dsm.js"

let dsm: FakeDsm
let client: DsmClient

beforeEach(async () => {
  dsm = await FakeDsm.start()
  const clock = new QuickClock()
  clock.onWait = (milliseconds) => {
    dsm.nas.now += milliseconds
  }
  client = clientOf(dsm, { clock })
})

const now = new Date("2026-01-02T02:04:05Z")

describe("filesystem snapshots of a store that DSM holds", () => {
  it("are made of the shared folder around it, known by their description, locked, unlocked and removed", async () => {
    const snapshots = await synologySnapshots(client, "/volume1/backup/kopia")
    expect(snapshots.of).toBe("backup")
    const made = await snapshots.create({ reason: "scheduled", now })
    expect(made).toMatchObject({
      name: "GMT+01-2026.01.02-03.04.05",
      ours: true,
      reason: "scheduled",
      holds: [],
    })
    expect(made.createdAt).toBe(now.getTime())
    expect(dsm.nas.share("backup").snapshots).toMatchObject([
      { desc: "cistern-20260102T020405Z-scheduled", lock: false },
    ])
    await snapshots.hold(made.name, "administrator")
    expect((await snapshots.list())[0]?.holds).toEqual(["DSM (locked)"])
    await expect(snapshots.remove(made.name)).rejects.toMatchObject({ code: "invalid" })
    await snapshots.release(made.name, "administrator")
    await snapshots.remove(made.name)
    expect(dsm.nas.share("backup").snapshots).toEqual([])
    await expect(snapshots.hold(made.name, "me")).rejects.toMatchObject({ code: "missing" })
  })

  it("that Snapshot Replication made are shown and never touched, also where somebody changed a description", async () => {
    const snapshots = await synologySnapshots(client, "/volume1/backup")
    const { name } = await snapshots.create({ reason: "scheduled", now })
    const others = dsm.nas.share("backup").snapshots
    const theirs = {
      time: "GMT+01-2025.12.31-03.04.05",
      desc: "Scheduled snapshot",
      lock: false,
      worm: false,
    }
    others.push(theirs)
    for (const one of others) if (one.time === name) one.desc += " renamed"
    expect((await snapshots.list()).map(({ ours }) => ours)).toEqual([false, false])
    for (const one of [name, theirs.time])
      await expect(snapshots.remove(one)).rejects.toMatchObject({ code: "invalid" })
    expect(others).toHaveLength(2)
  })

  it("that DSM keeps are not taken for removed", async () => {
    const snapshots = await synologySnapshots(client, "/volume1/backup")
    const { name } = await snapshots.create({ reason: "scheduled", now })
    for (const one of dsm.nas.share("backup").snapshots) one.worm = true
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "unsupported" })
  })

  it.each([
    ["/volume2/media", "DSM has no filesystem snapshots of /volume2/media"],
    ["/volume1/backup2", "is in no shared folder"],
    ["/tmp/store", "is in no shared folder"],
  ])("of %s cannot be made, and it says why", async (path, message) => {
    await expect(synologySnapshots(client, path)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(message) as string,
    })
  })

  it.each(["closes after", { status: 502 }, { code: 105 }] as const)(
    "are not taken for made when DSM does this: %j",
    async (fault) => {
      const snapshots = await synologySnapshots(client, "/volume1/backup")
      dsm.breaks("SYNO.Core.Share.Snapshot create", fault)
      await expect(snapshots.create({ reason: "scheduled", now })).rejects.toMatchObject({
        name: "StorageError",
      })
    },
  )
})
