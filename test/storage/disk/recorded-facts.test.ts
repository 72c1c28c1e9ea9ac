import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { blockDeviceOf, blockStack, btrfsDevices } from "../../../storage/disk/block-devices.js"
import { btrfsErrors, ext4Errors } from "../../../storage/disk/facts/error-counts.js"
import { arraysIn, btrfsRedundancy, poolRedundancy } from "../../../storage/disk/facts/redundancy.js"
import type { HostFolders } from "../../../storage/disk/index.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"

// What a kernel 6.1 showed: test/fixtures/hardware/README.md.

let host: HostFolders
let uuids: Record<"degraded" | "rotten", string>

function hostIn(machine: string): HostFolders {
  return { proc: join(machine, "proc"), sys: join(machine, "sys"), dev: join(machine, "dev") }
}

beforeAll(() => {
  host = hostIn(fixture("hardware/machine"))
  const on = (device: string) =>
    readdirSync(join(host.sys, "fs/btrfs")).find((uuid) => btrfsDevices(uuid, host)?.includes(device)) ?? ""
  uuids = { degraded: on("loop8"), rotten: on("loop10") }
})

describe("what a device is made of", () => {
  it("is followed through the device mapper and md down to the disks", () => {
    expect(blockDeviceOf("252:0", host)).toBe("dm-0")
    expect(blockStack(["dm-0"], host)).toEqual({ disks: ["loop1", "loop2"], arrays: ["md0"] })
    expect(blockStack(["md1", "md2"], host)).toEqual({
      disks: ["loop3", "loop5", "loop6", "loop7"],
      arrays: ["md1", "md2"],
    })
  })

  it("is the disk of a partition", () => {
    expect(blockDeviceOf("8:2", host)).toBe("sda2")
    expect(blockStack(["sda2", "sda1", "nvme0n1"], host)).toEqual({ disks: ["nvme0n1", "sda"], arrays: [] })
  })

  it("is unknown where /sys does not tell", () => {
    expect(blockDeviceOf("8:99", host)).toBeUndefined()
    expect(blockStack(["sda1", "sdz"], host)).toBeUndefined()
    expect(btrfsDevices("not-there", host)).toBeUndefined()
  })
})

describe("an md array", () => {
  it("is whole, degraded, or of a level that cannot be", () => {
    expect(arraysIn({ arrays: ["md0", "md1", "md2"] }, host)).toEqual([
      { name: "md0", level: "raid1", degraded: false },
      { name: "md1", level: "raid5", degraded: true },
      { name: "md2", level: "raid0", degraded: false },
    ])
  })

  it("is unknown where its state cannot be read", () => {
    const machine = fixtureCopy("hardware/machine")
    rmSync(join(machine, "sys/devices/virtual/block/md0/md/degraded"))
    expect(arraysIn({ arrays: ["md0", "md9"] }, hostIn(machine))).toEqual([
      { name: "md0", level: "raid1", degraded: undefined },
      { name: "md9", level: undefined, degraded: undefined },
    ])
  })
})

describe("a btrfs", () => {
  it("that misses a device is degraded", () => {
    const degraded = btrfsRedundancy(uuids.degraded, host)
    // What is written while a device is missing is kept once.
    expect(degraded).toContainEqual({ name: "btrfs", level: "raid1", degraded: true })
    expect(btrfsRedundancy(uuids.rotten, host)).toEqual([{ name: "btrfs", level: "single", degraded: false }])
    expect(btrfsRedundancy("not-there", host)).toEqual([
      { name: "btrfs", level: undefined, degraded: undefined },
    ])
  })

  it("counts the rot that it found, by device", () => {
    const errors = btrfsErrors(uuids.rotten, host)
    expect(errors?.count).toBeGreaterThan(0)
    expect(errors?.kinds).toEqual([`${errors?.count ?? 0} corruption errors on device 1`])
    expect(btrfsErrors("not-there", host)).toBeUndefined()
  })

  it("has unknown errors where one device does not tell", () => {
    const machine = fixtureCopy("hardware/machine")
    rmSync(join(machine, "sys/fs/btrfs", uuids.rotten, "devinfo/1/error_stats"))
    expect(btrfsErrors(uuids.rotten, hostIn(machine))).toBeUndefined()
  })
})

describe("an ext4", () => {
  it("counts errors, with the time of the last", () => {
    const errors = ext4Errors("loop11", host)
    expect(errors).toMatchObject({ count: 1 })
    expect(errors?.kinds[0]).toMatch(/^1 errors, the last at 2026-11-21T\d\d:\d\d:\d\d\.000Z$/)
    expect(ext4Errors("dm-0", host)).toEqual({ count: 0, kinds: [] })
    expect(ext4Errors("sda1", host)).toBeUndefined()
  })
})

describe("a pool of ZFS", () => {
  it.each([
    ["ONLINE\n", false],
    ["DEGRADED\n", true],
    ["FAULTED\n", true],
  ])("in state %s is degraded: %s", (state, degraded) => {
    const proc = scratch()
    mkdirSync(join(proc, "spl/kstat/zfs/tank"), { recursive: true })
    writeFileSync(join(proc, "spl/kstat/zfs/tank/state"), state)
    expect(poolRedundancy("tank/k8s", { ...host, proc })).toEqual([
      { name: "tank", level: undefined, degraded },
    ])
    expect(poolRedundancy("other", { ...host, proc })[0]?.degraded).toBeUndefined()
  })
})
