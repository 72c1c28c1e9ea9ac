import { beforeEach, describe, expect, it } from "vitest"
import {
  createShareSnapshot,
  deleteShareSnapshot,
  type DsmClient,
  listConnections,
  listShares,
  listShareSnapshots,
  loadNfsRules,
  lockShareSnapshot,
  nfsService,
  pathOf,
  saveNfsRules,
  setShareQuota,
  shareNamed,
  storageInfo,
  systemInfo,
  timeOfSnapshot,
} from "../../../../storage/nas/synology/index.js"
import { clientOf, QuickClock } from "../../../support/dsm-client.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { ruleByHand } from "../../../support/fake-dsm-apis.js"

let dsm: FakeDsm
let clock: QuickClock
let client: DsmClient

beforeEach(async () => {
  dsm = await FakeDsm.start()
  clock = new QuickClock()
  client = clientOf(dsm, { clock })
})

describe("shared folders", () => {
  it("are listed with what they can and hold", async () => {
    const shares = await listShares(client)
    expect(shares.map(pathOf)).toEqual(["/volume1/backup", "/volume2/media", "/volumeUSB1/usbshare1"])
    expect(shares[0]).toEqual({
      name: "backup",
      volume: "/volume1",
      uuid: "uuid-of-backup-/volume1",
      encrypted: false,
      recycleBin: false,
      checksums: true,
      snapshots: true,
      quotaMib: 0,
      usedMib: 1024.5,
    })
  })

  it("say nothing of what DSM does not say", async () => {
    dsm.nas.answers("SYNO.Core.Share", "get", { data: { name: "backup", vol_path: "/volume1" } })
    expect(await shareNamed(client, "backup")).toMatchObject({ snapshots: undefined, quotaMib: undefined })
  })

  it("get a limit, which is read back", async () => {
    await setShareQuota(client, "backup", 102_400)
    expect((await shareNamed(client, "backup")).quotaMib).toBe(102_400)
    await setShareQuota(client, "backup", 0)
    expect((await shareNamed(client, "backup")).quotaMib).toBe(0)
  })

  it("get a limit although the first try is lost", async () => {
    dsm.nas.losesQuota = 1
    await setShareQuota(client, "backup", 7)
    expect(dsm.nas.share("backup").quota_value).toBe(7)
  })

  it("that cannot have a limit say so", async () => {
    await expect(setShareQuota(client, "media", 7)).rejects.toMatchObject({
      code: "unsupported",
      facts: { quotaMib: 0, wantedMib: 7 },
    })
    await expect(setShareQuota(client, "gone", 7)).rejects.toMatchObject({ code: "missing" })
  })

  it.each([-1, 1.5, NaN, Infinity])("a limit of %s MiB is refused before DSM is asked", async (mib) => {
    await expect(setShareQuota(client, "backup", mib)).rejects.toMatchObject({ code: "invalid" })
    expect(dsm.seen).toEqual([])
  })
})

describe("filesystem snapshots", () => {
  const nightly = { description: "before prune", locked: true }

  it("are taken, listed, unlocked and deleted", async () => {
    const id = await createShareSnapshot(client, "backup", nightly)
    expect(id).toBe("GMT+01-2026.01.02-03.04.05")
    expect(await listShareSnapshots(client, "backup")).toEqual([{ id, takenAt: dsm.nas.now, ...nightly }])
    await lockShareSnapshot(client, "backup", id, false)
    expect((await listShareSnapshots(client, "backup"))[0]?.locked).toBe(false)
    await deleteShareSnapshot(client, "backup", id)
    expect(await listShareSnapshots(client, "backup")).toEqual([])
  })

  it("are never two in one second", async () => {
    clock.onWait = (milliseconds) => {
      dsm.nas.now += milliseconds
    }
    const ids = await Promise.all([1, 2, 3].map(() => createShareSnapshot(client, "backup", nightly)))
    expect(new Set(ids).size).toBe(3)
    expect((await listShareSnapshots(client, "backup")).map(({ id }) => id)).toEqual(ids)
  })

  it.each(["closes after", "cuts", { status: 502 }, { code: 117 }] as const)(
    "are not taken once more where it is not known whether one was taken (%s)",
    async (fault) => {
      dsm.breaks("SYNO.Core.Share.Snapshot create", fault)
      await expect(createShareSnapshot(client, "backup", nightly)).rejects.toMatchObject({
        hint: expect.any(String) as string,
      })
      expect(dsm.calls("SYNO.Core.Share.Snapshot create")).toHaveLength(1)
    },
  )

  it.each([{ status: 429 }, { code: 3328 }])("are taken when DSM was only busy (%s)", async (fault) => {
    dsm.breaks("SYNO.Core.Share.Snapshot create", fault, { times: 2 })
    await createShareSnapshot(client, "backup", nightly)
    expect(dsm.nas.share("backup").snapshots).toHaveLength(1)
  })

  it("that DSM keeps are named", async () => {
    const id = await createShareSnapshot(client, "backup", nightly)
    const [snapshot] = dsm.nas.share("backup").snapshots
    if (snapshot !== undefined) snapshot.worm = true
    await expect(deleteShareSnapshot(client, "backup", id)).rejects.toThrow(
      `did not delete the filesystem snapshot ${id}`,
    )
    dsm.breaks("SYNO.Core.Share.Snapshot set", "pretends")
    await expect(lockShareSnapshot(client, "backup", id, false)).rejects.toThrow(
      `did not unlock the filesystem snapshot ${id}`,
    )
  })

  it("of a folder that is gone are an error, never none", async () => {
    await expect(listShareSnapshots(client, "gone")).rejects.toMatchObject({ code: "missing" })
    const id = "GMT+01-2026.01.02-03.04.05"
    await expect(lockShareSnapshot(client, "backup", id, true)).rejects.toMatchObject({ code: "missing" })
  })

  it("of which only a part is listed are an error", async () => {
    dsm.nas.answers("SYNO.Core.Share.Snapshot", "list", { data: { snapshots: [], total: 1 } })
    await expect(listShareSnapshots(client, "backup")).rejects.toMatchObject({ code: "corrupt" })
  })

  it.each([
    ["GMT+01-2026.01.02-03.04.05", "2026-01-02T02:04:05Z"],
    ["GMT-08-2026.01.02-23.04.05", "2026-01-03T07:04:05Z"],
    ["GMT+00-2026.12.31-23.59.59", "2026-12-31T23:59:59Z"],
    ["GMT+05:30-2026.01.02-03.04.05", "2026-01-01T21:34:05Z"],
    ["GMT+0530-2026.01.02-03.04.05", "2026-01-01T21:34:05Z"],
  ])("%s was taken at %s", (id, time) => {
    expect(timeOfSnapshot(id)).toBe(Date.parse(time))
  })

  it.each([
    "",
    "GMT+01",
    "GMT+01-2026.13.02-03.04.05",
    "GMT+01-2026.01.02-03.04",
    "snapshot",
    "GMT+01-2026.01.02-03.04.055",
  ])("%j is no id", (id) => {
    expect(timeOfSnapshot(id)).toBeUndefined()
  })
})

describe("the NAS", () => {
  const volume = {
    path: "/volume1",
    filesystem: "btrfs",
    status: "normal",
    totalBytes: 7_676_309_151_744,
    freeBytes: 3_738_590_121_984,
    pool: "reuse_1",
  }

  it("has volumes, pools and disks with their health, in numbers though DSM writes text", async () => {
    expect(await storageInfo(client)).toEqual({
      volumes: [volume],
      pools: [{ id: "reuse_1", status: "normal" }],
      disks: [
        {
          ...{ id: "sata1", device: "sata1", model: "ST8000VN004-2M2101", serial: "WKD0AAAA" },
          ...{ sizeBytes: 8_001_563_222_016, isSsd: false, pool: "reuse_1", status: "normal" },
          ...{ smartStatus: "normal", celsius: 38, lifeLeftPercent: undefined, uncorrected: 0 },
        },
        {
          ...{ id: "nvme0n1", device: "nvme0n1", model: "SNV3400", serial: "NV000001" },
          ...{ sizeBytes: 400_088_457_216, isSsd: true, pool: undefined, status: "normal" },
          ...{ smartStatus: undefined, celsius: 41, lifeLeftPercent: 97, uncorrected: 3 },
        },
      ],
    })
    expect(dsm.calls("SYNO.Core.Storage.Volume list")).toEqual([])
  })

  it.each(["SYNO.Storage.CGI.Storage", 101] as const)(
    "has volumes where the API for all of it is none (%s)",
    async (lack) => {
      if (typeof lack === "string") dsm.lacks.add(lack)
      else dsm.breaks("SYNO.Storage.CGI.Storage load_info", { code: lack })
      const found = { volumes: [{ ...volume, pool: undefined }], pools: undefined, disks: undefined }
      expect(await storageInfo(client)).toEqual(found)
    },
  )

  it("has volumes that cannot be told while DSM may not say", async () => {
    dsm.breaks("SYNO.Storage.CGI.Storage load_info", { code: 105 })
    await expect(storageInfo(client)).rejects.toMatchObject({ code: "unreadable" })
  })

  it("knows who is connected", async () => {
    expect(await listConnections(client)).toEqual([
      { protocol: "NFS", from: "10.20.0.7", share: "backup", who: "-" },
      { protocol: "HTTP/HTTPS", from: "127.0.0.1", share: undefined, who: "cistern" },
    ])
  })

  it("says what it is", async () => {
    expect(await systemInfo(client)).toEqual({
      model: "DS923+",
      version: "DSM 7.2.1-69057 Update 5",
      memoryMib: 4096,
      celsius: 41,
    })
  })

  it("says whether NFS is on", async () => {
    dsm.nas.nfsEnabled = false
    expect(await nfsService(client)).toEqual({ enabled: false, version4: true, highest: "4.1" })
  })
})

describe("NFS rules", () => {
  it("come with all that DSM says of them, and go back so", async () => {
    const odd = ruleByHand("*.example", { id: "7", insecure: 1, crossmnt: 0, future: { a: [1] } })
    dsm.nas.share("backup").rules = [odd, ruleByHand("10.0.0.0/255.0.0.0")]
    const rules = await loadNfsRules(client, "backup")
    expect(rules.map(({ rule }) => rule)).toEqual([
      {
        client: "*.example",
        privilege: "rw",
        squash: "root",
        async: true,
        insecure: true,
        crossMounts: false,
        security: ["sys"],
      },
      expect.objectContaining({ client: "10.0.0.0/255.0.0.0", insecure: false }) as unknown,
    ])
    await saveNfsRules(client, "backup", rules).catch(() => undefined)
    expect(
      JSON.parse(dsm.calls("SYNO.Core.FileServ.NFS.SharePrivilege save")[0]?.fields["rule"] ?? ""),
    ).toEqual(dsm.nas.share("backup").rules)
  })

  it("of a folder without any are none; an answer without content is an error", async () => {
    expect(await loadNfsRules(client, "backup")).toEqual([])
    dsm.breaks("SYNO.Core.FileServ.NFS.SharePrivilege load", "pretends")
    await expect(loadNfsRules(client, "backup")).rejects.toMatchObject({ code: "corrupt" })
  })

  it("that cannot be understood are an error that names where", async () => {
    dsm.nas.share("backup").rules = [ruleByHand("10.0.0.1"), { client: 7 }]
    await expect(loadNfsRules(client, "backup")).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("rule.1.client") as string,
    })
  })
})
