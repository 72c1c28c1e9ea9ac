import { beforeAll, describe, expect, it } from "vitest"
import type { Finding } from "./nfs-guest/report.js"
import { GUEST_LIMIT_MS, only, runGuest } from "./nfs-guest/run.js"

// A NAS with the kernel's own NFS server, and a real client of it, in a virtual machine. What was found is in docs/exports.md.

/** Emulated processors are ten times slower than real ones. */
const WITHDRAWN_MS = 6_000

let findings: readonly Finding[] = []

beforeAll(async () => {
  findings = await runGuest("exports-guest", "server")
}, GUEST_LIMIT_MS)

const found = (scenario: string): Finding => only(findings, scenario)

describe("an export of a store, on the kernel's NFS server", () => {
  it("is there after `apply -f`, and a real backup goes through it as the declared user", () => {
    expect(found("applied")["served"]).toEqual([
      "/mnt/other/beside 10.77.0.0/24",
      "/mnt/tank/restic 10.77.0.0/24",
    ])
    expect(found("mounted")).toMatchObject({ ok: true })
    expect(found("backed up")).toMatchObject({ decision: "restore", owner: "568:568" })
    expect(found("listed")["said"]).toMatchObject({
      server: { kind: "kernel", running: true },
      problem: null,
      exports: [{ state: "exported" }, { state: "exported" }],
    })
  })

  it("is withdrawn when its filesystem goes: writes fail, and nothing lands under the mount point", () => {
    const finding = found("unmounted")
    expect(finding["withdrawnMs"]).toBeLessThan(WITHDRAWN_MS)
    expect(finding).toMatchObject({ goodAfterWithdrawal: 0, underMountPoint: [], reason: "store_fenced" })
    expect(finding["bad"]).not.toEqual([])
    expect(finding["mountedAnew"]).toMatchObject({ ok: false })
    expect(finding["said"]).toMatchObject({
      exports: [{ state: "withheld", problem: { code: "not_mounted" } }, { state: "exported" }],
    })
  })

  it("stays away while another filesystem is there, and comes back with the right one", () => {
    expect(found("another disk")).toMatchObject({
      served: ["/mnt/other/beside 10.77.0.0/24"],
      reason: "store_fenced",
    })
    expect(found("back")).toMatchObject({ decision: "restore", mounted: { ok: true } })
  })

  it("lets clients into a filesystem that is mounted in it, and never under it", () => {
    const finding = found("nested")
    expect(finding["seen"]).toMatchObject({ ok: true, said: expect.stringContaining("inside") as string })
    expect(finding["written"]).toMatchObject({ ok: true })
    expect(finding["withdrawnMs"]).toBeLessThan(WITHDRAWN_MS)
    expect(finding["underMountPoint"]).toEqual([])
  })

  it("of a filesystem without a name works; one that cannot be served is named and keeps no other out", () => {
    const finding = found("nameless")
    expect(finding["mounted"]).toMatchObject({ ok: true })
    expect(finding["written"]).toMatchObject({ ok: true })
    expect(finding["served"]).toEqual(["/mnt/memory/files 10.77.0.0/24", "/mnt/other/beside 10.77.0.0/24"])
    expect(finding["refused"]).toMatchObject({
      state: "missing",
      problem: { message: expect.stringContaining("/mnt/union/files cannot be served") as string },
    })
  })

  it("is loaded again when somebody took it from the server, and missing while the server is stopped", () => {
    expect(found("lost")["backMs"]).toBeLessThan(30_000)
    expect(found("stopped")).toMatchObject({
      server: { running: false },
      state: "missing",
      code: "nfs_server_stopped",
    })
  })

  it("disturbs no client of another one, whatever happens to it", () => {
    expect(found("beside")["good"]).toBeGreaterThan(50)
    expect(found("beside")["bad"]).toEqual([])
  })

  it("outlives the daemon's end", () => {
    expect(found("end")).toMatchObject({ exitCode: 0 })
  })
})
