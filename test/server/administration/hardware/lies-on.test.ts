import { describe, expect, it } from "vitest"
import { storesOnPool } from "../../../../server/administration/hardware/lies-on.js"
import type { StoreJson } from "../../../../server/http/contract/admin.js"

const pool = { name: "tank", path: "/mnt/tank" }

function store(path: string, facts: Partial<NonNullable<StoreJson["facts"]>> | null): StoreJson {
  return { name: path, path, facts } as StoreJson
}

function on(one: StoreJson): boolean {
  return storesOnPool(pool, [one]).length === 1
}

describe("a store lies on a pool", () => {
  it("when its dataset is one of the pool's, wherever that is mounted", () => {
    const zfs = (source: string) => ({ type: "zfs", source, mountPoint: "/mnt/x" })
    expect(on(store("/mnt/x", zfs("tank/repos")))).toBe(true)
    expect(on(store("/mnt/tank/x", zfs("tank2/repos")))).toBe(false)
  })

  it("when it is mounted below the pool's place, and not where something else is mounted under it", () => {
    const btrfs = (mountPoint: string) => ({ type: "btrfs", source: "/dev/vg1/v", mountPoint })
    expect(on(store("/mnt/tank/repos", btrfs("/mnt/tank")))).toBe(true)
    expect(on(store("/mnt/tank2/repos", btrfs("/mnt/tank2")))).toBe(false)
    expect(on(store("/mnt/tank/repos", btrfs("/")))).toBe(false)
  })

  it("by its place alone while its filesystem cannot be looked at", () => {
    expect(on(store("/mnt/tank/repos", null))).toBe(true)
    expect(on(store("/mnt/other", null))).toBe(false)
  })
})
