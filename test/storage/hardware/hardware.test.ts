import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  diskFindings,
  listDisks,
  memoryFindings,
  parseSmart,
  type SmartFigures,
} from "../../../storage/hardware/index.js"
import { machineFigures, smartctlReport } from "../../../storage/host/index.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"

// What a kernel and smartmontools showed: test/fixtures/hardware/README.md.

function hostIn(machine: string) {
  return { proc: join(machine, "proc"), sys: join(machine, "sys"), dev: join(machine, "dev") }
}

function recorded(name: string): string {
  return readFileSync(join(import.meta.dirname, `../../fixtures/hardware/smart/${name}.json`), "utf8")
}

function told(name: string): SmartFigures {
  const report = parseSmart(recorded(name), "sda")
  if (report.kind !== "told") throw new Error(`${name} tells nothing`)
  return report.figures
}

function codesOf(name: string, change: Partial<SmartFigures> = {}, kind: "hdd" | "nvme" = "hdd"): string[] {
  return diskFindings({ name: "sda", kind }, { ...told(name), ...change }).map(({ code }) => code)
}

describe("the disks of a machine", () => {
  it("are whole disks with their model and size, and nothing that lies on them", () => {
    const disks = listDisks(hostIn(fixture("hardware/machine")))
    expect(disks?.map(({ name, kind }) => [name, kind])).toEqual([
      ["nvme0n1", "nvme"],
      ["nvme1n1", "nvme"],
      ["sda", "hdd"],
      ["sdb", "virtual"],
      ["vda", "virtual"],
      ["vdb", "virtual"],
    ])
    const [nvme] = disks ?? []
    expect(nvme).toMatchObject({
      model: "QEMU NVMe Ctrl",
      serial: expect.stringMatching(/^S4EWNX0N/) as string,
      sizeBytes: 209_715_200,
      removable: false,
      suspended: false,
    })
  })

  it("have no turning parts when they say so, and sleep when the kernel put them to", () => {
    const machine = fixtureCopy("hardware/machine")
    const place = join(
      machine,
      "sys/devices/pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/0:0:0:0/block/sda",
    )
    writeFileSync(join(place, "queue/rotational"), "0\n")
    writeFileSync(join(place, "device/power/runtime_status"), "suspended\n")
    const sda = listDisks(hostIn(machine))?.find(({ name }) => name === "sda")
    expect(sda).toMatchObject({ kind: "ssd", suspended: true })
  })

  it("are unknown, not none, where there is no /sys", () => {
    expect(listDisks(hostIn("/nonexistent"))).toBeUndefined()
  })
})

describe("what smartctl printed", () => {
  it("of an ATA disk has its verdict, its heat and its sectors", () => {
    expect(told("ata")).toEqual({
      model: "QEMU-ATA-DISK",
      serial: "WD-WX12345678",
      passed: true,
      temperatureC: 31,
      limitC: undefined,
      powerOnHours: 1,
      reallocated: 0,
      pending: undefined,
      uncorrectable: undefined,
      mediaErrors: undefined,
      wearPercent: undefined,
      spare: undefined,
      failingAttributes: [],
    })
    expect(codesOf("ata")).toEqual([])
  })

  it("of an ATA disk counts what is shown of a raw number, whose upper bytes are the maker's", () => {
    const raw = /("id": 5,[^]*?"raw": )\{[^}]*\}/
    const packed = recorded("ata").replace(raw, '$1{ "value": 1099511627784, "string": "8 (0 256)" }')
    expect(parseSmart(packed, "sda")).toMatchObject({ kind: "told", figures: { reallocated: 8 } })
  })

  it("of an NVMe disk has its wear and its errors", () => {
    expect(told("nvme")).toMatchObject({ passed: true, temperatureC: 50, mediaErrors: 0, wearPercent: 0 })
    expect(codesOf("nvme", {}, "nvme")).toEqual([])
  })

  it("of failing disks names why", () => {
    expect(codesOf("nvme-failing", {}, "nvme")).toEqual(["disk_failing"])
    expect(codesOf("ata-failing")).toEqual(["disk_failing", "bad_sectors", "hot"])
    const [failing, sectors] = diskFindings({ name: "sda", kind: "hdd" }, told("ata-failing"))
    expect(failing).toMatchObject({ severity: "fail", disk: "sda" })
    expect(sectors?.message).toBe(
      "sda has 3984 replaced sectors, 16 sectors that it cannot read now, 8 sectors that it could not read",
    )
  })

  it.each(["standby", "standby-7.5"])("of a sleeping disk is that it sleeps: %s", (name) => {
    expect(parseSmart(recorded(name), "sda")).toEqual({ kind: "asleep" })
  })

  it.each(["STANDBY BY COMMAND", "STANDBY (OS)", "SLEEP", "STANDBY_Y"])(
    "of a disk in %s mode is that it sleeps",
    (mode) => {
      const text = recorded("standby").replace("in STANDBY mode", `in ${mode} mode`)
      const expected = mode === "STANDBY_Y" ? "untold" : "asleep"
      expect(parseSmart(text, "sda").kind).toBe(expected)
    },
  )

  it.each([
    ["missing", "No such device"],
    ["nobody", "Permission denied"],
    ["virtio", "Unable to detect device type"],
    ["scsi", "no SMART"],
  ])("is no health, and not well, where there is none: %s", (name, why) => {
    expect(parseSmart(recorded(name), "sda")).toMatchObject({
      kind: "untold",
      why: expect.stringContaining(why) as string,
    })
  })

  it.each(["", "smartctl: not JSON", "{}", "[]", '{"smartctl": 3}', recorded("ata").slice(0, 900)])(
    "that is no report is an error that names the disk: %j",
    (text) => {
      expect(() => parseSmart(text, "sdq")).toThrow(
        expect.objectContaining({
          code: "corrupt",
          message: expect.stringContaining("sdq") as string,
        }) as Error,
      )
    },
  )

  it("survives values of any other kind", () => {
    const whole = JSON.parse(recorded("ata-failing")) as Record<string, unknown>
    for (const key of Object.keys(whole).filter((name) => name !== "smartctl")) {
      for (const value of [null, 3, "x", [], {}, [1], { table: [null, { id: 5, raw: 7 }] }]) {
        const { kind } = parseSmart(JSON.stringify({ ...whole, [key]: value }), "sda")
        expect(["told", "untold"]).toContain(kind)
      }
    }
  })
})

describe("findings", () => {
  it.each([
    [{ temperatureC: 60 }, "hdd", []],
    [{ temperatureC: 61 }, "hdd", ["hot"]],
    [{ temperatureC: 61, limitC: 65 }, "hdd", []],
    [{ temperatureC: 56, limitC: 55 }, "hdd", ["hot"]],
    [{ temperatureC: 61, limitC: 0 }, "hdd", ["hot"]],
    [{ temperatureC: 70 }, "nvme", []],
    [{ temperatureC: 71 }, "nvme", ["hot"]],
    [{ temperatureC: undefined }, "hdd", []],
    [{ wearPercent: 99 }, "nvme", []],
    [{ wearPercent: 100 }, "nvme", ["worn"]],
    [{ spare: { percent: 9, threshold: 10 } }, "nvme", ["no_spare"]],
    [{ spare: { percent: 10, threshold: 10 } }, "nvme", []],
    [{ mediaErrors: 1 }, "nvme", ["bad_sectors"]],
    [{ pending: 1 }, "hdd", ["bad_sectors"]],
    [{ failingAttributes: ["Spin_Up_Time"] }, "hdd", ["attribute_failing"]],
    [{ passed: undefined }, "hdd", []],
  ] as const)("of %j on a %s are %j", (change, kind, expected) => {
    expect(codesOf("ata", change, kind)).toEqual(expected)
  })

  it("of the memory begin below one part in twenty", () => {
    const memory = { totalBytes: 1000, swapTotalBytes: 0, swapFreeBytes: 0 }
    expect(memoryFindings({ ...memory, availableBytes: 50 })).toEqual([])
    expect(memoryFindings({ ...memory, availableBytes: 49 })).toMatchObject([{ code: "memory_low" }])
  })
})

describe("the programs", () => {
  it("smartctl is asked with fixed words, and its report comes whatever it ends with", async () => {
    const program = join(scratch(), "smartctl")
    writeFileSync(program, `#!/bin/sh\nprintf '%s ' "$@"\nexit 4\n`)
    chmodSync(program, 0o755)
    expect(await smartctlReport("nvme0n1", program)).toBe("-n standby --json=c -a -- /dev/nvme0n1 ")
  })

  it.each(["../etc", "sda;reboot", "", "-a", "sda b", "SDA"])(
    "smartctl is never asked of %j",
    async (disk) => {
      await expect(smartctlReport(disk, "/nonexistent")).rejects.toMatchObject({ code: "invalid" })
    },
  )

  it("a smartctl that is not there is missing", async () => {
    await expect(smartctlReport("sda", "/nonexistent/smartctl")).rejects.toMatchObject({ code: "missing" })
  })

  it("systeminformation tells this machine's memory as the kernel does", async () => {
    const { memory, load, processors, uptimeSeconds } = await machineFigures()
    const total = Number(/^MemTotal: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024
    expect(memory.totalBytes).toBe(total)
    expect(memory.availableBytes).toBeGreaterThan(0)
    expect(memory.availableBytes).toBeLessThan(total)
    expect(load).toHaveLength(3)
    expect(processors).toBeGreaterThan(0)
    expect(uptimeSeconds).toBeGreaterThan(0)
  })
})

describe("a fixture of the machine", () => {
  it("with a disk pulled has one disk less", () => {
    const machine = fixtureCopy("hardware/machine")
    rmSync(join(machine, "sys/class/block/sdb"))
    mkdirSync(join(machine, "sys/class/block/empty"))
    expect(listDisks(hostIn(machine))?.map(({ name }) => name)).not.toContain("sdb")
  })
})
