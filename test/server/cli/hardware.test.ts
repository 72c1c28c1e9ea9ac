import { describe, expect, it } from "vitest"
import { type DiskJson, type HardwareJson, hardwareJson } from "../../../server/http/contract/hardware.js"
import { answering } from "../../support/admin-socket.js"
import { cli } from "../../support/cli.js"

const figures = {
  readAt: "2026-11-21T20:49:15.000Z",
  passed: true,
  temperatureC: 31,
  limitC: null,
  powerOnHours: 12_000,
  reallocated: 3,
  pending: 1,
  uncorrectable: null,
  mediaErrors: null,
  wearPercent: null,
}
const disk: DiskJson = {
  name: "sda",
  sources: ["machine"],
  model: "WDC WD40EFRX",
  serial: "WD-WX12345678",
  sizeBytes: 4_000_787_030_016,
  kind: "hdd",
  removable: false,
  stores: ["tank"],
  smart: { state: "told", why: null, figures },
  system: null,
}
const answer: HardwareJson = {
  readAt: "2026-11-21T21:00:00.000Z",
  machine: {
    uptimeSeconds: 129_600,
    processors: 4,
    load: [0.5, 0.25, 1],
    memory: {
      totalBytes: 4 * 2 ** 30,
      availableBytes: 2 ** 30,
      swapTotalBytes: 0,
      swapFreeBytes: 0,
    },
  },
  system: null,
  pools: null,
  disks: [
    disk,
    { ...disk, name: "sdb", serial: null, smart: { state: "asleep", why: null, figures } },
    { ...disk, name: "sdc", stores: [], smart: { state: "unknown", why: "no smartctl", figures: null } },
    { ...disk, name: "sdd", stores: [], smart: { state: "unknown", why: "no smartctl", figures: null } },
    {
      ...disk,
      name: "sde",
      smart: { state: "told", why: null, figures: { ...figures, passed: false, temperatureC: null } },
    },
  ],
  findings: [
    {
      code: "disk_failing",
      severity: "fail",
      disk: "sde",
      pool: null,
      stores: ["tank"],
      message: "sde says that it is about to fail (SMART)",
      hint: "Replace it now.",
    },
  ],
  problems: [],
}

async function shown(body: HardwareJson, ...args: string[]) {
  const { state, requests } = await answering(() => ({ status: 200, body: hardwareJson.parse(body) }))
  const result = await cli(["hardware", ...args], { environment: { CISTERN_STATE: state } })
  expect(requests.map(({ url }) => url)).toEqual(["/api/v1/hardware"])
  return result
}

describe("cistern hardware", () => {
  it("prints disks, memory, findings, and why something is not known", async () => {
    const { exitCode, stdout, stderr } = await shown(answer)
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      `DISK  MODEL         SERIAL     SIZE  KIND  HEALTH          TEMPERATURE  BAD  HOURS  ASKED (UTC)          BY            STORES
sda   WDC WD40EFRX  …5678   3.6 TiB  hdd   ok                    31 °C    4  12000  2026-11-21 20:49:15  this machine  tank
sdb   WDC WD40EFRX  -       3.6 TiB  hdd   asleep, was ok        31 °C    4  12000  2026-11-21 20:49:15  this machine  tank
sdc   WDC WD40EFRX  …5678   3.6 TiB  hdd   unknown                   -    -      -  -                    -             -
sdd   WDC WD40EFRX  …5678   3.6 TiB  hdd   unknown                   -    -      -  -                    -             -
sde   WDC WD40EFRX  …5678   3.6 TiB  hdd   FAILING                   -    4  12000  2026-11-21 20:49:15  this machine  tank

memory  1.0 GiB of 4.0 GiB available
swap    0 B of 0 B free
load    0.50 0.25 1.00 on 4 processors
up      1.5 days
fail  sde says that it is about to fail (SMART)
      Replace it now.
`,
    )
    expect(stderr).toBe("sdc, sdd: health unknown: no smartctl\nRead at 2026-11-21 21:00:00 (UTC).\n")
  })

  it("prints pools, and what the NAS system says of disks that the machine may not ask", async () => {
    const none = { state: "unknown", why: "smartctl may not", figures: null } as const
    const told = { ...figures, passed: null, powerOnHours: null, reallocated: null, pending: null }
    const by = {
      kind: "truenas" as const,
      state: null,
      verdict: "good" as const,
      pools: ["tank"],
      figures: told,
    }
    const both: DiskJson = { ...disk, sources: ["machine", "truenas"], smart: none, system: by }
    const { stdout, stderr } = await shown({
      ...answer,
      findings: [],
      system: {
        ...{ kind: "truenas", readAt: answer.readAt, version: "25.10.2", model: null, hostName: "nas" },
        ...{ memoryBytes: 32 * 2 ** 30, uptimeSeconds: 5, temperatureC: null },
      },
      pools: [
        {
          ...{ source: "truenas", readAt: answer.readAt, name: "tank", path: "/mnt/tank", state: "DEGRADED" },
          ...{ verdict: "fail", detail: "a disk is missing", stores: ["tank"] },
          ...{ totalBytes: 2 ** 40, freeBytes: 2 ** 39 },
        },
      ],
      disks: [
        both,
        { ...both, name: "sdb", system: { ...by, verdict: "fail" } },
        { ...both, name: "sdc", system: { ...by, verdict: null } },
      ],
    })
    expect(stdout).toContain(
      `POOL  STATE                           SIZE     FREE  ASKED (UTC)          BY       STORES
tank  DEGRADED: a disk is missing  1.0 TiB  512 GiB  2026-11-21 21:00:00  TrueNAS  tank

DISK  MODEL         SERIAL     SIZE  KIND  HEALTH   TEMPERATURE  BAD  HOURS  ASKED (UTC)          BY       STORES
sda   WDC WD40EFRX  …5678   3.6 TiB  hdd   ok             31 °C    -      -  2026-11-21 20:49:15  TrueNAS  tank
sdb   WDC WD40EFRX  …5678   3.6 TiB  hdd   FAILING        31 °C    -      -  2026-11-21 20:49:15  TrueNAS  tank
sdc   WDC WD40EFRX  …5678   3.6 TiB  hdd   unknown        31 °C    -      -  2026-11-21 20:49:15  TrueNAS  tank
`,
    )
    expect(stdout).toContain("TrueNAS 25.10.2, 32.0 GiB of memory\n")
    expect(stderr).toContain("sdc: health unknown: smartctl may not\n")
  })

  it("prints the whole serial with --json only", async () => {
    const { stdout } = await shown(answer, "--json")
    expect(JSON.parse(stdout)).toEqual(answer)
    expect((await shown(answer)).stdout).not.toContain("WX12345678")
  })

  it("shows no table where the disks cannot be seen", async () => {
    const problems = [
      { source: null, code: "no_disks", message: "the disks cannot be seen", hint: "Mount /sys." },
    ]
    const { stdout, stderr } = await shown({ ...answer, disks: null, findings: [], problems })
    expect(stdout).not.toContain("DISK")
    expect(stderr).toContain("the disks cannot be seen\n  Mount /sys.\n")
  })
})
