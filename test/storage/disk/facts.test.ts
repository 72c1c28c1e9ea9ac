import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  type Advice,
  adviceFor,
  type FilesystemFacts,
  filesystemFacts,
  hostFolders,
  parseAttributes,
  withAttributes,
} from "../../../storage/disk/index.js"
import { directoryAttributes } from "../../../storage/host/index.js"
import { scratch } from "../../support/fixtures.js"
import { btrfsImage, ext4Image, mountBind, mountImage, mountTmpfs, xfsImage } from "../../support/mounts.js"
import { until } from "../../support/until.js"

/** The real filesystem of an image, mounted with these options. */
function mounted(image: string, options = "rw"): { place: string; facts: FilesystemFacts } {
  const place = join(scratch(), "store")
  mountImage(image, place, options)
  return { place, facts: filesystemFacts(place) }
}

function codes(facts: FilesystemFacts): string[] {
  return adviceFor(facts).map(({ code }) => code)
}

function adviceOf(facts: FilesystemFacts, code: string): Advice | undefined {
  return adviceFor(facts).find((one) => one.code === code)
}

describe("a real ext4", () => {
  it("keeps checksums of itself only, and its syncs reach the disk", () => {
    const { place, facts } = mounted(ext4Image(), "rw,noatime")
    expect(facts).toMatchObject({
      type: "ext4",
      mountPoint: place,
      readOnly: false,
      checksums: "metadata",
      snapshots: "none",
      compression: "none",
      sync: { kind: "disk", why: undefined },
      errors: { count: 0, kinds: [] },
      redundancy: [],
    })
    expect(facts.options).toContain("noatime")
    expect(facts.disks).toEqual([expect.stringMatching(/^loop\d+$/)])
    expect(codes(facts)).toEqual(["no_data_checksums"])
    expect(adviceOf(facts, "no_data_checksums")?.hint).toContain("scrub")
  })

  it("may lose what was synced without barriers, whether its mount or tune2fs says so", () => {
    const options = "rw,noatime,nobarrier,data=writeback,commit=60"
    const journalled = image(["-O", "has_journal"])
    expect(codes(mounted(journalled, options).facts)).toEqual([
      "no_barriers",
      "no_data_checksums",
      "writeback_journal",
      "long_commit",
    ])
    const tuned = image(["-O", "has_journal"])
    execFileSync("tune2fs", ["-o", "nobarrier", tuned], { stdio: "ignore" })
    const { facts } = mounted(tuned)
    expect(facts.sync).toMatchObject({ kind: "uncertain" })
    expect(codes(facts)).toContain("no_barriers")
  })

  it("with few inodes is nearly full long before its bytes are", () => {
    const { place, facts } = mounted(image(["-N", "64"]))
    expect(codes(facts)).not.toContain("few_inodes")
    for (let at = 0; filesystemFacts(place).space.availableFiles > 2; at += 1)
      writeFileSync(join(place, `file-${at}`), "")
    const full = filesystemFacts(place)
    expect(adviceOf(full, "few_inodes")).toMatchObject({ severity: "warn" })
    expect(codes(full)).not.toContain("nearly_full")
    for (let at = 0; filesystemFacts(place).space.availableFiles > 0; at += 1)
      writeFileSync(join(place, `last-${at}`), "")
    expect(adviceOf(filesystemFacts(place), "few_inodes")).toMatchObject({ severity: "fail" })
  })

  it("that counted an error says so", async () => {
    const { facts } = mounted(image([]))
    const [disk = ""] = facts.disks ?? []
    writeFileSync(`/sys/fs/ext4/${disk}/trigger_fs_error`, "made by a test")
    // The kernel counts a moment later.
    const after = await until(
      () => filesystemFacts(facts.mountPoint),
      ({ errors }) => errors?.count === 1,
      "the error to be counted",
    )
    expect(adviceOf(after, "errors_counted")).toMatchObject({ severity: "warn" })
  })

  it("that is read-only, or waits for each write, says so", () => {
    const { facts } = mounted(ext4Image(), "ro")
    expect(adviceOf(facts, "read_only")).toMatchObject({ severity: "warn" })
    expect(codes(mounted(ext4Image(), "rw,sync,strictatime").facts)).toEqual([
      "no_data_checksums",
      "sync_mount",
      "access_times",
    ])
  })
})

/** An ext4 with a journal, or with what else is wanted. */
function image(options: readonly string[]): string {
  const file = join(scratch(), "ext4.img")
  execFileSync("truncate", ["-s", "16M", file])
  execFileSync("mkfs.ext4", ["-q", "-b", "4096", ...options, file], { stdio: "ignore" })
  return file
}

describe("a real XFS", () => {
  it("tells by its superblock whether files can share blocks", () => {
    expect(mounted(xfsImage()).facts).toMatchObject({
      type: "xfs",
      checksums: "metadata",
      snapshots: "reflink",
      sync: { kind: "disk" },
      // XFS counts none that can be read.
      errors: undefined,
    })
    const plain = join(scratch(), "xfs.img")
    execFileSync("truncate", ["-s", "320M", plain])
    execFileSync("mkfs.xfs", ["-q", "-m", "reflink=0", plain])
    expect(mounted(plain).facts.snapshots).toBe("none")
  })
})

describe("a real btrfs", () => {
  it("keeps checksums of files and has subvolumes; its inodes cannot run out", () => {
    const { place, facts } = mounted(btrfsImage(), "rw,noatime,compress=zstd:3")
    expect(facts).toMatchObject({
      type: "btrfs",
      checksums: "data",
      snapshots: "subvolume",
      compression: "zstd:3",
      errors: { count: 0 },
      redundancy: [{ name: "btrfs", level: "single", degraded: false }],
    })
    expect(facts.space.totalFiles).toBe(0)
    expect(facts.disks).toHaveLength(1)
    expect(codes(facts)).toEqual([])
    mkdirSync(join(place, "folder"))
    expect(filesystemFacts(join(place, "folder")).snapshots).toBe("subvolume_around")
  })

  it("keeps none with nodatacow or nodatasum, and may lose what was synced without barriers", () => {
    const { facts } = mounted(btrfsImage(), "rw,nodatacow,nobarrier")
    expect(facts.checksums).toBe("none")
    expect(codes(facts)).toEqual(["checksums_off", "no_barriers", "access_times"])
    expect(mounted(btrfsImage(), "rw,nodatasum").facts.checksums).toBe("none")
  })

  it("keeps none below a directory with chattr +C, which only lsattr tells", async () => {
    const { place } = mounted(btrfsImage())
    const [with_, without] = [join(place, "with a\nline"), join(place, "without")]
    for (const directory of [with_, without]) mkdirSync(directory)
    execFileSync("chattr", ["+C", with_])
    const facts = filesystemFacts(with_)
    expect(facts.checksums).toBe("data")
    const told = async (...directories: string[]) =>
      withAttributes(facts, parseAttributes(await directoryAttributes(directories)))
    expect(await told(without)).toMatchObject({ checksums: "data", compression: "none" })
    expect(await told(without, with_)).toMatchObject({ checksums: "none" })
    expect(await told(join(place, "not there"), with_)).toMatchObject({ checksums: "none" })
    expect(withAttributes(facts, undefined)).toMatchObject({ checksums: "unknown" })
    execFileSync("btrfs", ["property", "set", without, "compression", "zstd"])
    expect(await told(without)).toMatchObject({ compression: "by attribute" })
  })
})

describe("a store that lies elsewhere", () => {
  it("in memory is lost at a restart", () => {
    const place = join(scratch(), "store")
    mountTmpfs(place)
    const facts = filesystemFacts(place)
    expect(facts).toMatchObject({ checksums: "none", sync: { kind: "memory" }, disks: undefined })
    expect(adviceOf(facts, "in_memory")).toMatchObject({ severity: "fail" })
    expect(codes(facts)).not.toContain("no_data_checksums")
  })

  it("on the system's own filesystem is named, also behind a bind mount's back", () => {
    const facts = filesystemFacts(scratch())
    if (facts.mountPoint === "/") expect(codes(facts)).toContain("root_filesystem")
    const place = join(scratch(), "bound")
    mountBind(scratch(), place)
    expect(codes(filesystemFacts(place))).not.toContain("root_filesystem")
  })

  it("whose device the machine has no more is gone, unless /sys shows no devices at all", () => {
    const { place, facts } = mounted(ext4Image())
    expect(facts.deviceGone).toBe(false)
    const sys = scratch()
    const host = { ...hostFolders, sys }
    expect(filesystemFacts(place, host).deviceGone).toBe(false)
    mkdirSync(join(sys, "dev/block"), { recursive: true })
    expect(filesystemFacts(place, host).deviceGone).toBe(false)
    mkdirSync(join(sys, "dev/block/8:0"))
    const gone = filesystemFacts(place, host)
    expect(gone.deviceGone).toBe(true)
    expect(adviceOf(gone, "disk_gone")).toMatchObject({ severity: "fail" })
  })

  it("that is not there is an error", () => {
    expect(() => filesystemFacts(join(scratch(), "nothing"))).toThrow(
      expect.objectContaining({ code: "missing" }) as Error,
    )
  })
})

const good: FilesystemFacts = {
  type: "btrfs",
  source: "/dev/sda1",
  mountPoint: "/mnt",
  readOnly: false,
  options: ["noatime"],
  space: { totalBytes: 1000, availableBytes: 500, totalFiles: 0, availableFiles: 0 },
  checksums: "data",
  snapshots: "subvolume",
  compression: "none",
  sync: { kind: "disk", why: undefined },
  errors: { count: 0, kinds: [] },
  redundancy: [],
  deviceGone: false,
  disks: ["sda"],
}

describe("advice", () => {
  it("is none where all is well, and none about what is not known", () => {
    expect(adviceFor(good)).toEqual([])
    const unknown: FilesystemFacts = {
      ...good,
      type: "zfs",
      checksums: "unknown",
      snapshots: "unknown",
      compression: undefined,
      sync: { kind: "unknown", why: "?" },
      errors: undefined,
      redundancy: [{ name: "tank", level: undefined, degraded: undefined }],
      disks: undefined,
    }
    expect(adviceFor(unknown)).toEqual([])
  })

  it.each([
    [50, undefined],
    [49, "warn"],
    [10, "warn"],
    [9, "fail"],
    [0, "fail"],
  ])("about room: %s of 1000 left is %s", (availableBytes, severity) => {
    const facts = { ...good, space: { ...good.space, availableBytes } }
    expect(adviceOf(facts, "nearly_full")?.severity).toBe(severity)
  })

  it("begins with what is worst", () => {
    const facts: FilesystemFacts = {
      ...good,
      type: "ext4",
      checksums: "metadata",
      errors: { count: 3, kinds: ["3 errors"] },
      redundancy: [{ name: "md0", level: "raid1", degraded: true }],
    }
    expect(adviceFor(facts).map(({ severity }) => severity)).toEqual(["fail", "warn", "info"])
    expect(adviceFor(facts)[0]?.message).toBe("md0 (raid1) is degraded: a device is missing")
  })

  it.each(["nfs", "cifs"])("about a store of another machine, by %s", (type) => {
    const facts = { ...good, type, checksums: "unknown" as const }
    expect(adviceFor(facts)).toMatchObject([{ code: "network_store", severity: "info" }])
  })

  it.each([
    ["fuse.mergerfs", "program_store"],
    ["overlay", "container_layer"],
  ])("about %s", (type, code) => {
    expect(codes({ ...good, type, checksums: "unknown" })).toEqual([code])
  })

  it("about parity of btrfs, which md has not", () => {
    const parity = { name: "btrfs", level: "raid5", degraded: false }
    expect(codes({ ...good, redundancy: [parity] })).toEqual(["btrfs_parity"])
    expect(codes({ ...good, redundancy: [{ ...parity, name: "md0" }] })).toEqual([])
  })
})
