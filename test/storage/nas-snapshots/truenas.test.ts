import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { snapshotsToRemove } from "../../../storage/disk/index.js"
import { TrueNasClient } from "../../../storage/nas/index.js"
import { trueNasSnapshots } from "../../../storage/nas-snapshots/truenas.js"
import { Secret } from "../../../storage/secret.js"
import { FakeTrueNas } from "../../support/fake-truenas.js"

let fake: FakeTrueNas
let client: TrueNasClient

beforeEach(async () => {
  fake = await FakeTrueNas.start()
  fake.state.directories.set("/mnt/tank/repos", "/mnt/tank/repos")
  fake.state.directories.set("/mnt/tank/repos/kopia", "/mnt/tank/repos")
  client = new TrueNasClient({
    url: fake.url,
    fingerprint: fake.fingerprint,
    user: fake.user,
    key: new Secret(fake.key),
    times: { patience: 5_000, firstBackoff: 5 },
  })
})
afterEach(() => {
  client.close()
})

const now = new Date("2026-11-22T03:30:00Z")
const name = "cistern-20261122T033000Z-scheduled"

describe("filesystem snapshots of a store that TrueNAS holds", () => {
  it("are made of the dataset around it, held, released and removed, by its API alone", async () => {
    const snapshots = await trueNasSnapshots(client, "/mnt/tank/repos/kopia")
    expect(snapshots.of).toBe("tank/repos")
    const made = await snapshots.create({ reason: "scheduled", now })
    expect(made).toMatchObject({ name, ours: true, reason: "scheduled", createdAt: now.getTime(), holds: [] })
    expect([...fake.state.snapshots.keys()]).toEqual([`tank/repos@${name}`])
    await snapshots.hold(name, "administrator")
    await snapshots.hold(name, "somebody-else")
    expect((await snapshots.list())[0]?.holds).toEqual(["TrueNAS"])
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "invalid" })
    await snapshots.release(name, "administrator")
    await snapshots.release(name, "administrator")
    await snapshots.remove(name)
    expect(fake.state.snapshots.size).toBe(0)
    await expect(snapshots.remove(name)).rejects.toMatchObject({ code: "missing" })
  })

  it("two in one second have two names, and one can be held from its first moment", async () => {
    const snapshots = await trueNasSnapshots(client, "/mnt/tank/repos")
    const first = await snapshots.create({ reason: "scheduled", now })
    const second = await snapshots.create({ reason: "scheduled", now, hold: "me" })
    expect(second.name).not.toBe(first.name)
    expect(second.holds).toEqual(["TrueNAS"])
  })

  it("that TrueNAS' own tasks made are shown, never touched, and never counted out", async () => {
    const snapshots = await trueNasSnapshots(client, "/mnt/tank/repos")
    const [auto, alike] = ["auto-2026-11-21_00-00", "cistern-20260231T000000Z-x"]
    for (const one of [auto, alike]) fake.state.snapshots.set(`tank/repos@${one}`, { holds: {} })
    fake.state.snapshots.set("tank/other@cistern-20261121T033000Z-scheduled", { holds: {} })
    const made = await snapshots.create({ reason: "scheduled", now })
    const list = await snapshots.list()
    expect(list.filter(({ ours }) => ours).map((one) => one.name)).toEqual([made.name])
    for (const one of [auto, alike]) {
      await expect(snapshots.remove(one)).rejects.toMatchObject({ code: "invalid" })
      await expect(snapshots.hold(one, "me")).rejects.toMatchObject({ code: "invalid" })
    }
    const nothing = { keepLast: 0, keepHourly: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0, minimumAge: 0 }
    expect(snapshotsToRemove(list, nothing, new Date(now.getTime() + 1e10)).remove).toEqual([])
    expect(fake.state.snapshots.size).toBe(4)
  })

  it("of a path that TrueNAS does not have, or has outside its pools, cannot be made, with what to do", async () => {
    for (const path of ["/mnt/gone", "/tmp/store", "/mnt"]) {
      await expect(trueNasSnapshots(client, path)).rejects.toMatchObject({
        code: "unsupported",
        hint: expect.stringContaining("Mount the dataset into the container") as string,
      })
    }
  })

  it.each(["forbidden", "hang-up", "cut", "garbage", "nonsense"] as const)(
    "are not taken for made when it %s",
    async (fault) => {
      const snapshots = await trueNasSnapshots(client, "/mnt/tank/repos")
      fake.break("pool.snapshot.create", fault)
      await expect(snapshots.create({ reason: "scheduled", now })).rejects.toMatchObject({
        name: "StorageError",
      })
    },
  )
})
