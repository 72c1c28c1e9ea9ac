import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import type { HardwareProbes } from "../../../../server/administration/hardware/hardware-rows.js"
import type { CheckJson } from "../../../../server/http/contract/admin.js"
import { type HardwareJson, hardwareJson } from "../../../../server/http/contract/hardware.js"
import type { Disk } from "../../../../storage/hardware/index.js"
import { StorageError } from "../../../../storage/index.js"
import { idleMachine } from "../../../support/answers.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"
import { fakeDisk, fakePool } from "../../../support/fake-truenas-methods.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage } from "../../../support/mounts.js"
import { type NasChain, nasChain } from "../../../support/nas-chain.js"
import { until } from "../../../support/until.js"

const GIB = 2 ** 30
/** As a container sees it: there, and not to be asked. */
const seen: Disk = {
  name: "sda",
  model: undefined,
  serial: undefined,
  sizeBytes: GIB,
  kind: "hdd",
  removable: false,
  suspended: false,
}

function probes(disks: readonly Disk[] | undefined): HardwareProbes {
  return {
    disks: () => disks,
    smart: () => Promise.reject(new StorageError("unreadable", "smartctl may not open the disk")),
    machine: () => Promise.resolve(idleMachine),
  }
}

async function shown(chain: NasChain): Promise<HardwareJson> {
  return hardwareJson.parse(await chain.administration.hardware())
}

async function checks(chain: NasChain): Promise<CheckJson[]> {
  const { checks } = await chain.administration.doctor()
  return checks.filter(({ name }) => /^(disk|pool|hardware)/.test(name))
}

let pool: string
let store: string
beforeEach(() => {
  pool = join(scratch(), "tank")
  // What is not mounted there does not lie on it, whatever its path is.
  mountImage(ext4Image(), pool)
  store = join(pool, "repos")
  mkdirSync(store, { recursive: true })
})

describe("the hardware of a TrueNAS", () => {
  let fake: FakeTrueNas
  beforeEach(async () => {
    fake = await FakeTrueNas.start()
    fake.state.pools = [fakePool("tank", { path: pool })]
  })

  const start = (disks?: readonly Disk[]): Promise<NasChain> =>
    nasChain(fake, store, { hardware: probes(disks) })

  it("is shown by its own account, with the time of it and the stores that lie on it", async () => {
    const chain = await start()
    const { system, pools, disks, findings } = await shown(chain)
    expect(system).toMatchObject({ kind: "truenas", version: "25.10.2", memoryBytes: 32 * GIB })
    expect(pools).toMatchObject([
      { source: "truenas", name: "tank", state: "ONLINE", verdict: "good", stores: ["nas"] },
    ])
    expect(disks).toMatchObject([
      {
        ...{ name: "sda", serial: "S1", sources: ["truenas"], kind: "hdd", stores: ["nas"] },
        smart: { state: "unknown", why: "this machine does not see the disk", figures: null },
        system: { kind: "truenas", verdict: "good", pools: ["tank"], figures: { temperatureC: 31 } },
      },
    ])
    const at = Date.parse(disks?.[0]?.system?.figures.readAt ?? "")
    expect(Math.abs(at - chain.clock.now().wall)).toBeLessThan(60_000)
    expect(findings).toEqual([])
    expect(await checks(chain)).toMatchObject([
      { name: "disks", status: "ok", detail: "1 of 1 tell how they are" },
    ])
  })

  it("is no second row for a disk that the machine sees without its serial", async () => {
    const chain = await start([seen])
    const { disks } = await shown(chain)
    expect(disks).toMatchObject([{ name: "sda", serial: "S1", sources: ["machine", "truenas"] }])
    expect(await checks(chain)).toMatchObject([{ name: "disks", status: "ok" }])
  })

  it("that is degraded is a finding with the stores that lie on it", async () => {
    const detail = "One or more devices could not be opened."
    fake.state.pools = [
      fakePool("tank", { path: pool, status: "DEGRADED", healthy: false, status_detail: detail }),
      fakePool("other", { path: `${pool}2`, warning: true }),
    ]
    const chain = await start()
    const { findings } = await shown(chain)
    expect(findings.map(({ code, severity, pool: of, stores }) => [code, severity, of, ...stores])).toEqual([
      ["unhealthy", "fail", "tank", "nas"],
      ["unhealthy", "warn", "other"],
    ])
    expect((await checks(chain)).find(({ name }) => name === "pool tank, unhealthy")).toMatchObject({
      status: "fail",
      detail: `TrueNAS says that tank is DEGRADED (${detail}); store nas lies on it`,
    })
  })

  it("that has an alert about a disk is a finding, of that disk alone", async () => {
    fake.state.disks = [fakeDisk("sda", "S1", "tank"), fakeDisk("sdb", "S2", null)]
    fake.state.temperatures = { sda: 31, sdb: 77 }
    fake.state.standingAlerts.push(
      {
        ...{ klass: "SMARTUncorrectedErrors", level: "WARNING", args: { ue: 3, name: "sda", serial: "S1" } },
        formatted: "3 uncorrectable errors reported for sda (S1).",
      },
      { klass: "SMARTUncorrectedErrors", level: "INFO", args: { ue: 3, name: "sdb", serial: "S2" } },
      { klass: "ZpoolCapacityWarning", args: { volume: "tank" } },
    )
    const { findings, disks } = await shown(await start())
    expect(findings).toMatchObject([
      {
        ...{ code: "system_complains", severity: "warn", disk: "sda", stores: ["nas"] },
        message: "sda: TrueNAS says: 3 uncorrectable errors reported for sda (S1).",
      },
      { code: "hot", disk: "sdb", stores: [] },
    ])
    expect(disks?.map(({ system }) => system?.verdict)).toEqual(["warn", "good"])
  })

  it.each([
    ["pool.query", "pools"],
    ["disk.query", "disks"],
  ] as const)("is unknown with the reason where the account may not: %s", async (method, part) => {
    fake.break(method, "forbidden")
    const chain = await start()
    const whole = await shown(chain)
    expect(whole[part]).toBeNull()
    expect(whole[part === "pools" ? "disks" : "pools"]).toHaveLength(1)
    expect(whole.problems.filter(({ source }) => source === "truenas")).toMatchObject([
      { code: "unreadable", message: expect.stringContaining(method) as string },
    ])
    expect((await checks(chain)).find(({ name }) => name.startsWith("hardware"))).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("Not authorized (EACCES)") as string,
    })
  })

  it("knows nothing good of a disk while its alerts cannot be read", async () => {
    fake.break("alert.list", "forbidden")
    const chain = await start()
    expect((await shown(chain)).disks).toMatchObject([{ system: { verdict: null } }])
    expect((await checks(chain)).find(({ name }) => name === "disks")).toMatchObject({ status: "warn" })
  })

  it("keeps what was told before, with its time, when it closes in the middle", async () => {
    const chain = await start()
    const first = await shown(chain)
    fake.break("pool.query", "cut", { times: 9 })
    chain.clock.monoOffset += 200_000
    chain.clock.wallOffset += 200_000
    const second = await until(
      () => shown(chain),
      ({ problems }) => problems.some(({ code }) => code === "io"),
      "the connection broke",
    )
    expect(second.pools).toEqual(first.pools)
    expect(Date.parse(second.readAt) - Date.parse(second.pools?.[0]?.readAt ?? "")).toBeGreaterThan(190_000)
  })

  it("is asked at most every three minutes, however often somebody looks", async () => {
    const chain = await start()
    for (let looks = 0; looks < 3; looks++) await shown(chain)
    await chain.administration.doctor()
    expect(fake.callsOf("pool.query")).toHaveLength(1)
    chain.clock.monoOffset += 170_000
    await shown(chain)
    expect(fake.callsOf("pool.query")).toHaveLength(1)
    chain.clock.monoOffset += 20_000
    await shown(chain)
    expect(fake.callsOf("pool.query")).toHaveLength(2)
  })

  it("holds nobody up who looks: that it was not told yet is said after two seconds", async () => {
    fake.break("pool.query", "silent")
    const chain = await start([seen])
    const before = performance.now()
    const { disks, pools, problems } = await shown(chain)
    expect(performance.now() - before).toBeLessThan(8_000)
    expect(disks).toHaveLength(1)
    expect(pools).toBeNull()
    expect(problems).toMatchObject([{ source: "truenas", code: "timeout" }])
  })

  it("is unknown with the reason when the key is refused, and that is not tried again and again", async () => {
    fake.key = `7-${"y".repeat(64)}`
    const chain = await start()
    chain.secret.text = `7-${"z".repeat(64)}`
    for (let looks = 0; looks < 3; looks++) {
      chain.clock.monoOffset += 200_000
      const { problems, pools } = await shown(chain)
      expect(pools).toBeNull()
      expect(problems).toMatchObject([{ source: null }, { source: "truenas", code: "unreadable" }])
    }
    expect(fake.logins).toBeLessThanOrEqual(2)
  })

  it("is unknown with the reason where the key cannot be had", async () => {
    const chain = await start()
    chain.secret.text = ""
    await chain.apply({
      stores: [{ name: "nas", path: store, allowRoot: true }],
      nfsServer: { kind: "truenas", url: fake.url, user: "other", secret: { env: "NAS_SECRET" } },
    })
    const { problems } = await shown(chain)
    expect(problems).toMatchObject([{ source: null }, { source: "truenas", code: "password_missing" }])
  })
})

describe("the hardware of a Synology", () => {
  let dsm: FakeDsm
  beforeEach(async () => {
    dsm = await FakeDsm.start()
  })

  /** DSM calls its volumes by their place. */
  function movedTo(path: string): void {
    const [one] = dsm.nas.volumes
    if (one !== undefined) one.vol_path = path
  }

  const start = (disks?: readonly Disk[]): Promise<NasChain> =>
    nasChain(dsm, store, { hardware: probes(disks) })

  it("is shown by its own account, with the stores that lie on its volume", async () => {
    movedTo(pool)
    const chain = await start()
    const { system, pools, disks, findings } = await shown(chain)
    expect(system).toMatchObject({ kind: "synology", model: "DS923+", temperatureC: 41 })
    expect(pools).toMatchObject([{ source: "synology", name: pool, verdict: "good", stores: ["nas"] }])
    expect(disks).toMatchObject([
      { name: "sata1", serial: "WKD0AAAA", stores: ["nas"], system: { figures: { passed: true } } },
      { name: "nvme0n1", kind: "nvme", stores: [], system: { figures: { wearPercent: 3 } } },
    ])
    expect(findings).toMatchObject([{ code: "bad_sectors", disk: "nvme0n1" }])
    expect(dsm.calls("SYNO.Storage.CGI.Storage load_info")).toHaveLength(1)
  })

  it("is no second row for a disk whose serial is the same, whatever its name", async () => {
    const chain = await start([{ ...seen, name: "sdq", serial: "wkd0aaaa" }])
    const { disks } = await shown(chain)
    expect(disks?.map(({ name, sources }) => [name, ...sources])).toEqual([
      ["sdq", "machine", "synology"],
      ["nvme0n1", "synology"],
    ])
  })

  it.each([
    ["degrade", "fail"],
    ["crashed", "fail"],
    ["attention", "warn"],
  ])("whose pool is %s is a finding with the stores on it", async (word, severity) => {
    movedTo(pool)
    dsm.nas.poolStatus = word
    const chain = await start()
    expect((await checks(chain)).find(({ name }) => name === `pool ${pool}, unhealthy`)).toMatchObject({
      status: severity,
      detail: `DSM says that ${pool} is normal (its pool is ${word}); store nas lies on it`,
    })
  })

  it("that has a failing disk is a finding", async () => {
    dsm.nas.smartStatus = "failing"
    dsm.nas.diskStatus = "critical"
    const { findings } = await shown(await start())
    expect(findings.filter(({ disk }) => disk === "sata1")).toMatchObject([
      { code: "disk_failing", severity: "fail" },
      { code: "system_complains", severity: "fail", message: "sata1: DSM says: sata1 is critical" },
    ])
  })

  it.each([
    [{ code: 105 }, "unreadable"],
    [{ status: 429 }, "timeout"],
    ["cuts", "io"],
    ["answers HTML", "corrupt"],
  ] as const)("is unknown with the reason when DSM answers %j, and is asked once", async (fault, code) => {
    dsm.breaks("SYNO.Storage.CGI.Storage load_info", fault, { times: 99 })
    const { pools, problems } = await shown(await start())
    expect(pools).toBeNull()
    expect(problems).toMatchObject([{ source: null }, { source: "synology", code }])
    expect(dsm.calls("SYNO.Storage.CGI.Storage load_info")).toHaveLength(1)
  })

  it("gives way at once to what has to be exported", async () => {
    const chain = await start()
    dsm.breaks("SYNO.Storage.CGI.Storage load_info", "says nothing")
    const looking = shown(chain)
    await until(
      () => dsm.calls("SYNO.Storage.CGI.Storage load_info").length,
      (count) => count === 1,
      "DSM was asked for its disks",
    )
    const before = performance.now()
    await chain.administration.exports()
    expect(performance.now() - before).toBeLessThan(1_500)
    // And is asked for again after it.
    expect((await looking).problems).toMatchObject([{ source: null }])
    expect((await shown(chain)).pools).toHaveLength(1)
  })
})
