import { describe, expect, it } from "vitest"
import { type StoreJson, storesJson } from "../../../server/http/contract/admin.js"
import { answering } from "../../support/admin-socket.js"
import { cli } from "../../support/cli.js"

const store: StoreJson = {
  name: "tank",
  path: "/mnt/tank/k8s",
  state: "ok",
  problem: null,
  since: null,
  filesystem: "ext4 /dev/md0",
  totalBytes: 2 ** 40,
  freeBytes: 2 ** 39,
  facts: {
    readAt: "2026-11-21T20:49:15.000Z",
    type: "ext4",
    source: "/dev/md0",
    mountPoint: "/mnt/tank",
    readOnly: false,
    options: ["noatime", "nobarrier"],
    inodes: { total: 1000, free: 10 },
    checksums: "metadata",
    snapshots: "none",
    compression: null,
    sync: { kind: "uncertain", why: "barriers are off" },
    errors: { count: 2, kinds: ["2 errors"] },
    redundancy: [{ name: "md0", level: "raid1", degraded: true }],
    disks: ["sda", "sdb"],
  },
  advice: [
    { code: "degraded", severity: "fail", message: "md0 is degraded", hint: "Replace the device." },
    { code: "no_barriers", severity: "warn", message: "it may be lost", hint: "Mount it with barriers." },
  ],
  repositories: [],
}

async function shown(args: readonly string[], stores: readonly StoreJson[]) {
  const { state } = await answering(() => ({ status: 200, body: storesJson.parse({ stores }) }))
  return cli(args, { environment: { CISTERN_STATE: state } })
}

describe("cistern stores show", () => {
  it("prints every fact, then the advice with what to do", async () => {
    const { exitCode, stdout } = await shown(["stores", "show", "tank"], [store])
    expect(exitCode).toBe(0)
    expect(stdout).toBe(`tank
state        ok
path         /mnt/tank/k8s
size         1.0 TiB, 512 GiB free
filesystem   ext4 /dev/md0 at /mnt/tank
options      noatime,nobarrier
inodes       10 of 1000 free
checksums    of its own structures only
snapshots    none
compression  unknown
sync         may be lost in a power cut: barriers are off
errors       2 errors
redundancy   md0 raid1, DEGRADED
disks        sda sdb
looked at    2026-11-21 20:49:15 (UTC)
fail  md0 is degraded
      Replace the device.
warn  it may be lost
      Mount it with barriers.
`)
  })

  it("says unknown where nobody could look", async () => {
    const blind: StoreJson = { ...store, state: "unknown", facts: null, advice: [], freeBytes: null }
    const { stdout } = await shown(["stores", "show", "tank"], [blind])
    expect(stdout).toContain("filesystem   unknown\n")
    expect(stdout).toContain("size         1.0 TiB, - free\n")
  })

  it("of a store that is not declared is an error", async () => {
    const { exitCode, stderr } = await shown(["stores", "show", "pool"], [store])
    expect(exitCode).toBe(1)
    expect(stderr).toContain("no store is called pool")
  })

  it("has a summary of the advice in the list", async () => {
    const fine: StoreJson = { ...store, name: "fine", advice: [] }
    const { stdout } = await shown(["stores"], [store, fine])
    expect(stdout).toContain("1 fail, 1 warn")
    expect(stdout).toMatch(/^fine .* {2}- +\/mnt/m)
  })
})
