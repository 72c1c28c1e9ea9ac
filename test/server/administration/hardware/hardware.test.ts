import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { HardwareProbes } from "../../../../server/administration/hardware/hardware-rows.js"
import type { CheckJson } from "../../../../server/http/contract/admin.js"
import { type DiskJson, type HardwareJson, hardwareJson } from "../../../../server/http/contract/hardware.js"
import { filesystemFacts } from "../../../../storage/disk/index.js"
import type { Disk } from "../../../../storage/hardware/index.js"
import { StorageError } from "../../../../storage/index.js"
import { Chain, idleMachine, SettableClock } from "../../../support/answers.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage } from "../../../support/mounts.js"

const chains: Chain[] = []
afterEach(async () => {
  for (const chain of chains.splice(0)) await chain.stop()
})

const disk: Disk = {
  name: "sda",
  model: "WDC WD40EFRX",
  serial: undefined,
  sizeBytes: 4_000_787_030_016,
  kind: "hdd",
  removable: false,
  suspended: false,
}

function recorded(name: string): string {
  return readFileSync(join(import.meta.dirname, `../../../fixtures/hardware/smart/${name}.json`), "utf8")
}

/** A machine with these disks, of which smartctl says what was recorded. */
class Machine {
  disks: Disk[] | undefined
  /** By the disk's name: the recording, or the error. */
  says: Record<string, string | StorageError>
  asked: string[] = []
  readonly clock = new SettableClock()
  readonly chain: Chain

  constructor(disks: Disk[] | undefined, says: Record<string, string | StorageError>) {
    this.disks = disks
    this.says = says
    const hardware: HardwareProbes = {
      disks: () => this.disks,
      smart: (name) => {
        this.asked.push(name)
        const said = this.says[name] ?? "missing"
        return said instanceof StorageError ? Promise.reject(said) : Promise.resolve(recorded(said))
      },
      machine: () => Promise.resolve(idleMachine),
    }
    this.chain = new Chain({ state: scratch(), clock: this.clock, hardware })
    chains.push(this.chain)
  }

  async shown(): Promise<HardwareJson> {
    return hardwareJson.parse(await this.chain.administration.hardware())
  }

  async disk(name = "sda"): Promise<DiskJson> {
    const found = (await this.shown()).disks?.find((one) => one.name === name)
    if (found === undefined) throw new Error(`${name} is not shown`)
    return found
  }

  async checks(): Promise<CheckJson[]> {
    const { checks } = await this.chain.administration.doctor()
    return checks.filter(({ name }) => /^(disk|machine)/.test(name))
  }
}

describe("the disks of the machine", () => {
  it("are shown with their health and the time of it", async () => {
    const machine = new Machine([disk], { sda: "ata" })
    const { name, serial, smart } = await machine.disk()
    expect({ name, serial }).toEqual({ name: "sda", serial: "WD-WX12345678" })
    expect(smart).toMatchObject({ state: "told", why: null, figures: { passed: true, temperatureC: 31 } })
    expect((await machine.shown()).findings).toEqual([])
    expect(await machine.checks()).toMatchObject([
      { name: "disks", status: "ok", detail: "1 of 1 tell how they are" },
    ])
  })

  it("are asked again only after a minute, and at once when the clock went back", async () => {
    const machine = new Machine([disk], { sda: "ata" })
    const first = (await machine.disk()).smart.figures?.readAt ?? ""
    machine.clock.wallOffset = 30_000
    const { readAt } = await machine.shown()
    expect(Date.parse(readAt) - Date.parse(first)).toBeGreaterThanOrEqual(30_000)
    expect((await machine.disk()).smart.figures?.readAt).toBe(first)
    expect(machine.asked).toHaveLength(1)
    machine.clock.wallOffset = 120_000
    await machine.disk()
    machine.clock.wallOffset = -3_600_000
    await machine.disk()
    expect(machine.asked).toHaveLength(3)
  })

  it("that sleep keep what they told last, with its time", async () => {
    const machine = new Machine([disk], { sda: "ata" })
    const awake = (await machine.disk()).smart.figures
    machine.says = { sda: "standby" }
    machine.clock.wallOffset = 600_000
    expect((await machine.disk()).smart).toEqual({ state: "asleep", why: null, figures: awake })
    expect(await machine.checks()).toMatchObject([
      { status: "ok", detail: "1 of 1 tell how they are, 1 asleep" },
    ])
  })

  it("that the kernel put to sleep are not opened at all", async () => {
    const machine = new Machine([{ ...disk, suspended: true }], { sda: "ata" })
    expect((await machine.disk()).smart).toEqual({ state: "asleep", why: null, figures: null })
    expect(machine.asked).toEqual([])
  })

  it("are not taken for each other when names move", async () => {
    const machine = new Machine([disk], { sda: "ata-failing" })
    expect((await machine.shown()).findings).not.toEqual([])
    machine.disks = [{ ...disk, model: "another", suspended: true }]
    expect((await machine.disk()).smart.figures).toBeNull()
    expect((await machine.shown()).findings).toEqual([])
  })

  it("that cannot be asked are unknown with why; doctor warns", async () => {
    const missing = new StorageError("missing", "there is no program smartctl")
    const machine = new Machine([disk, { ...disk, name: "vda", kind: "virtual" }], { sda: missing })
    expect((await machine.disk()).smart).toEqual({
      state: "unknown",
      why: "there is no program smartctl. Install smartmontools.",
      figures: null,
    })
    expect((await machine.disk("vda")).smart).toMatchObject({ state: "unknown" })
    expect(machine.asked).toEqual(["sda"])
    expect(await machine.checks()).toMatchObject([
      { name: "disks", status: "warn", detail: expect.stringContaining("0 of 1 tell") as string },
    ])
  })

  it("that cannot be seen are unknown, not none", async () => {
    const { disks, problems } = await new Machine(undefined, {}).shown()
    expect(disks).toBeNull()
    expect(problems).toMatchObject([{ code: "no_disks" }])
  })
})

describe("a failing disk", () => {
  it("is named with the store that lies on it", async () => {
    const place = join(scratch(), "store")
    mountImage(ext4Image(), place)
    const [loop = ""] = filesystemFacts(place).disks ?? []
    const machine = new Machine(
      [
        { ...disk, name: loop },
        { ...disk, name: "sdb" },
      ],
      {
        [loop]: "ata-failing",
        sdb: "ata",
      },
    )
    await machine.chain.apply({ stores: [{ name: "nas", path: place }] })
    expect((await machine.disk(loop)).stores).toEqual(["nas"])
    expect((await machine.disk("sdb")).stores).toEqual([])
    const { findings } = await machine.shown()
    expect(findings.map(({ code, stores }) => [code, ...stores])).toEqual([
      ["disk_failing", "nas"],
      ["bad_sectors", "nas"],
      ["hot", "nas"],
    ])
    const checks = await machine.checks()
    expect(checks.find(({ name }) => name === `disk ${loop}, disk failing`)).toMatchObject({
      status: "fail",
      detail: `${loop} says that it is about to fail (SMART); store nas lies on it`,
    })
  })
})
