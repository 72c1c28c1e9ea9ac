import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  createFilesystemSnapshot,
  datasetNamed,
  deleteFilesystemSnapshot,
  diskTemperatures,
  filesystemAt,
  findAccounts,
  holdFilesystemSnapshot,
  listAlerts,
  listDisks,
  listFilesystemSnapshots,
  listPools,
  nfs3Clients,
  nfs4Clients,
  nfsService,
  releaseFilesystemSnapshot,
  setRefquota,
  smallestQuota,
  systemInfo,
  TrueNasClient,
} from "../../../../storage/nas/truenas/index.js"
import { decodeExtendedJson } from "../../../../storage/nas/truenas/extended-json.js"
import { Secret } from "../../../../storage/secret.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"

let fake: FakeTrueNas
let client: TrueNasClient

beforeEach(async () => {
  fake = await FakeTrueNas.start()
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

describe("datasets", () => {
  beforeEach(() => fake.state.quotas.set("tank/repos", null))

  it("are told with what they hold and may hold, and none that is not there", async () => {
    fake.state.quotas.set("tank/repos", smallestQuota)
    expect(await datasetNamed(client, "tank/repos")).toEqual({
      id: "tank/repos",
      mountPoint: "/mnt/tank/repos",
      usedBytes: 1024 ** 3,
      availableBytes: 5 * 1024 ** 3,
      snapshotBytes: 7,
      quotaBytes: undefined,
      refquotaBytes: smallestQuota,
    })
    expect(await datasetNamed(client, "tank/other")).toBeUndefined()
    expect(fake.callsOf("pool.dataset.query")[0]?.[1]).toMatchObject({ extra: { retrieve_children: false } })
  })

  it("get a limit of at least 1 GiB, or none", async () => {
    await setRefquota(client, "tank/repos", 5 * smallestQuota)
    expect(fake.state.quotas.get("tank/repos")).toBe(5 * smallestQuota)
    await setRefquota(client, "tank/repos", undefined)
    expect(fake.state.quotas.get("tank/repos")).toBeNull()
    const calls = fake.calls.length
    for (const bytes of [0, 1, smallestQuota - 1, 1.5 * smallestQuota + 0.5, -1, NaN]) {
      await expect(setRefquota(client, "tank/repos", bytes)).rejects.toMatchObject({ code: "invalid" })
    }
    expect(fake.calls).toHaveLength(calls)
  })

  it("that somebody else limits at the same time are noticed", async () => {
    fake.meanwhile("pool.dataset.query", () => fake.state.quotas.set("tank/repos", 9 * smallestQuota))
    await expect(setRefquota(client, "tank/repos", smallestQuota)).rejects.toMatchObject({ code: "unstable" })
  })

  it("of whose volumes nobody speaks: complaints about the other arm of a union are left out", async () => {
    const { z } = await import("zod")
    const call = (arm?: string) =>
      client.call(
        "pool.dataset.update",
        ["tank/repos", { refquota: 5 }],
        z.unknown(),
        arm === undefined ? {} : { arm },
      )
    await expect(call()).rejects.toThrow("volsize")
    await expect(call("PoolDatasetCreateFilesystem")).rejects.toThrow(
      /^TrueNAS refused pool\.dataset\.update: data\.PoolDatasetCreateFilesystem\.refquota: Input should be greater[^;]*$/,
    )
  })
})

describe("filesystem snapshots", () => {
  it.each([
    ["v25.10.2", "pool"],
    ["v25.04.2", "zfs"],
  ])("of %s are those of %s.snapshot", async (version, namespace) => {
    fake.versions = [version]
    const id = await createFilesystemSnapshot(client, "tank/repos", "cistern-1")
    expect(id).toBe("tank/repos@cistern-1")
    await createFilesystemSnapshot(client, "tank/other", "cistern-1")
    await expect(createFilesystemSnapshot(client, "tank/repos", "cistern-1")).rejects.toMatchObject({
      code: "invalid",
    })
    await holdFilesystemSnapshot(client, id)
    const held = { id, dataset: "tank/repos", name: "cistern-1", held: true }
    expect(await listFilesystemSnapshots(client, "tank/repos")).toEqual([held])
    await expect(deleteFilesystemSnapshot(client, id)).rejects.toMatchObject({ code: "unstable" })
    await releaseFilesystemSnapshot(client, id)
    expect(await listFilesystemSnapshots(client, "tank/repos")).toEqual([{ ...held, held: false }])
    await deleteFilesystemSnapshot(client, id)
    expect(await listFilesystemSnapshots(client, "tank/repos")).toEqual([])
    const used = fake.calls.map(({ method }) => method).filter((method) => method.includes(".snapshot."))
    expect(new Set(used.map((method) => method.split(".")[0]))).toEqual(new Set([namespace]))
  })
})

describe("what the machine tells of itself", () => {
  it("is pools, disks, temperatures, alerts and the system", async () => {
    fake.state.standingAlerts.push({ klass: "ZpoolCapacityWarning", args: { volume: "tank" } })
    expect(await listPools(client)).toMatchObject([
      { name: "tank", healthy: true, scan: { percentage: 100 } },
    ])
    expect(await listDisks(client)).toMatchObject([{ name: "sda", serial: "S1", pool: "tank" }])
    expect(await diskTemperatures(client)).toEqual(
      new Map([
        ["sda", 31],
        ["sdb", undefined],
      ]),
    )
    expect(await listAlerts(client)).toMatchObject([
      { klass: "ZpoolCapacityWarning", datetime: new Date("2026-01-01T00:00:00Z") },
    ])
    expect(await systemInfo(client)).toEqual({
      ...{
        version: "25.10.2",
        hostname: "truenas",
        uptime_seconds: 12.5,
        physmem: 32 * 1024 ** 3,
        ecc_memory: true,
      },
    })
  })

  it("is whether the NFS service runs, and starts by itself", async () => {
    expect(await nfsService(client)).toEqual({ running: true, starts: true })
    fake.state.running = false
    expect(await nfsService(client)).toEqual({ running: false, starts: true })
  })

  it("is who has mounted", async () => {
    expect(await nfs3Clients(client)).toEqual([{ address: "192.0.2.9", path: "/mnt/tank/a" }])
    expect(await nfs4Clients(client)).toEqual([
      {
        ...{ address: "192.168.40.247:790", name: "Linux NFSv4.2 debian12-hv", status: "confirmed" },
        ...{ minorVersion: 2, secondsSinceRenew: 45 },
        implementation: "Linux 6.1.0-12-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.52-1 (2023-09-07) x86_64",
        states: [
          { type: "deleg", access: "r", superblock: "00:39:5", filename: "/debian12-hv" },
          { type: "open", access: "rw", superblock: "00:39:137", filename: "/.debian12-hv.swp" },
        ],
      },
    ])
  })

  it("is the filesystem of a directory, and nothing for one that is not there", async () => {
    fake.state.directories.set("/mnt/tank/a/inner", "/mnt/tank/a")
    expect(await filesystemAt(client, "/mnt/tank/a/inner")).toMatchObject({
      source: "tank/a",
      mountPoint: "/mnt/tank/a",
    })
    expect(await filesystemAt(client, "/mnt/tank/none")).toBeUndefined()
  })

  it("is users and groups by number or name, without their passwords' hashes", async () => {
    expect(await findAccounts(client, new Set([568, "mover", 17]), new Set(["root"]))).toEqual({
      users: [
        { id: 568, name: "apps" },
        { id: 3000, name: "mover" },
      ],
      groups: [{ id: 0, name: "root" }],
    })
    for (const [, options] of fake.callsOf("user.query"))
      expect(options).toEqual({ select: ["uid", "username"] })
  })
})

describe("extended JSON", () => {
  it("is decoded wherever it is", () => {
    const text = `{"a":[{"$date":1767225600000}],"b":{"$time":"16:22:06"},"c":{"$set":[1,{"$date":0}]},
                   "d":{"$type":"date","$value":"2026-01-02"}}`
    expect(decodeExtendedJson(JSON.parse(text))).toEqual({
      a: [new Date("2026-01-01T00:00:00Z")],
      b: "16:22:06",
      c: [1, new Date(0)],
      d: "2026-01-02",
    })
  })

  it("is not what only begins like it", () => {
    const values = [
      { $date: "x" },
      { $date: 1, other: 2 },
      { $set: 1 },
      { $type: 1, $value: "a" },
      null,
      "x",
      5,
    ]
    expect(decodeExtendedJson(values)).toEqual(values)
  })
})
