import { describe, expect, it } from "vitest"
import { type Disk, matchDisks, type SystemDisk } from "../../../storage/hardware/index.js"

const TB = 1_000_000_000_000

function machine(name: string, changes: Partial<Disk> = {}): Disk {
  return {
    ...{ name, model: "WDC WD40EFRX-68N", serial: undefined, sizeBytes: 4 * TB },
    ...{ kind: "hdd", removable: false, suspended: false, ...changes },
  }
}

function system(name: string, serial: string | undefined, changes: Partial<SystemDisk> = {}): SystemDisk {
  return {
    ...{ name, serial, model: "WDC WD40EFRX-68N32N0", sizeBytes: 4 * TB, kind: "hdd", pools: [] },
    ...{ state: undefined, verdict: "good", complaints: [], ...changes },
  } as SystemDisk
}

/** Who is matched with whom, by names. */
function matched(disks: readonly Disk[], others: readonly SystemDisk[]): string[] {
  return matchDisks(disks, others, ({ serial }) => serial).map(
    ({ machine: one, system: other }) => `${one?.name ?? "-"} ${other?.name ?? "-"}`,
  )
}

describe("a disk that the machine and its NAS system see", () => {
  it("is one by its serial, whatever it is called", () => {
    const disks = [machine("sda", { serial: "WD-1" }), machine("sdb", { serial: " wd-2" })]
    expect(matched(disks, [system("sda", "WD-2"), system("sdb", "WD-1")])).toEqual(["sda sdb", "sdb sda"])
  })

  it("is one by name, size and model where a serial is not known", () => {
    expect(matched([machine("sda")], [system("sda", "WD-1")])).toEqual(["sda sda"])
    expect(matched([machine("sda", { serial: "WD-1" })], [system("sda", undefined)])).toEqual(["sda sda"])
  })

  it.each<[string, Disk, SystemDisk]>([
    ["another serial", machine("sda", { serial: "WD-1" }), system("sda", "WD-2")],
    ["another size", machine("sda"), system("sda", "WD-1", { sizeBytes: 8 * TB })],
    ["another model", machine("sda"), system("sda", "WD-1", { model: "ST8000VN004" })],
    ["another name", machine("sdb"), system("sda", "WD-1")],
  ])("is not taken for another one: %s", (_, one, other) => {
    expect(matched([one], [other])).toEqual([`${one.name} -`, `- ${other.name}`])
  })

  it("is matched once, and not by its looks with what another one's serial proves to be that one", () => {
    const disks = [machine("sda"), machine("sdb", { serial: "WD-1" })]
    expect(matched(disks, [system("sda", "WD-1")])).toEqual(["sda -", "sdb sda"])
    expect(matched([machine("sda"), machine("sda")], [system("sda", "WD-1")])).toEqual(["sda sda", "sda -"])
  })
})
