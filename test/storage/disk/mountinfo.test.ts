import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { mountOf, parseMountinfo, readMounts } from "../../../storage/disk/mountinfo.js"
import { scratch } from "../../support/fixtures.js"

const table = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:40 / /mnt/tank rw,noatime shared:2 master:3 - zfs tank rw,xattr
31 30 0:41 / /mnt/tank/k8s rw,noatime - zfs tank/k8s rw,xattr
32 27 0:50 /@data /srv/my\\040disk\\134\\011x rw - btrfs /dev/sdb1 rw,subvol=/@data
33 27 0:60 / /nfs ro,vers=4.2 - nfs4 nas.lan:/volume1/k8s rw
34 27 0:61 / /scratch rw - tmpfs tmpfs ro,size=4k
35 31 8:17 / /mnt/tank/k8s rw - ext4 /dev/sdb1 rw
36 27 8:33 / /covered/below rw - ext4 /dev/sdc1 rw
37 27 8:49 / /covered rw - xfs /dev/sdd1 rw
`

const mounts = parseMountinfo(table)

describe("mountinfo", () => {
  it("reads a line with and without optional fields", () => {
    expect(mounts[2]).toEqual({
      id: 30,
      flags: ["rw", "noatime"],
      options: ["rw", "xattr"],
      parent: 27,
      device: "0:40",
      root: "/",
      mountPoint: "/mnt/tank",
      readOnly: false,
      type: "zfs",
      source: "tank",
    })
    expect(mounts).toHaveLength(10)
  })

  it("undoes the octal escapes", () => {
    expect(mounts[4]).toMatchObject({ mountPoint: "/srv/my disk\\\tx", root: "/@data" })
  })

  it("calls every version of NFS nfs", () => {
    expect(mounts[5]).toMatchObject({ type: "nfs", source: "nas.lan:/volume1/k8s" })
  })

  it("sees read-only in the mount's options and in the filesystem's", () => {
    expect(mounts.filter((mount) => mount.readOnly).map((mount) => mount.mountPoint)).toEqual([
      "/nfs",
      "/scratch",
    ])
  })

  it("refuses a line that is no mount", () => {
    expect(() => parseMountinfo("22 27 0:21 / /proc rw,relatime proc proc rw")).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    )
  })

  it("reads this machine's table", () => {
    expect(mountOf("/proc", readMounts())).toMatchObject({ mountPoint: "/proc", type: "proc" })
  })

  it("are read each time, and the same objects while the table reads the same", () => {
    const file = join(scratch(), "mountinfo")
    writeFileSync(file, "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n")
    const first = readMounts(file)
    expect(readMounts(file)).toBe(first)
    writeFileSync(file, "1 0 0:1 / / rw - ext4 /dev/sdb1 rw\n")
    expect(readMounts(file)).toMatchObject([{ source: "/dev/sdb1" }])
    expect(first).toMatchObject([{ source: "/dev/sda1" }])
  })
})

describe("the mount of a path", () => {
  const at = (path: string) => mountOf(path, mounts).source

  it("is the deepest one above it", () => {
    expect(at("/mnt/tank/media")).toBe("tank")
    expect(at("/mnt")).toBe("/dev/vda")
    expect(at("/")).toBe("/dev/vda")
  })

  it("is compared by whole names", () => {
    expect(at("/mnt/tankard")).toBe("/dev/vda")
    expect(at("/nfsx")).toBe("/dev/vda")
  })

  it("is the one mounted last where two are mounted at one place", () => {
    expect(at("/mnt/tank/k8s/kopia")).toBe("/dev/sdb1")
  })

  it("is not one that a later mount further up covers", () => {
    expect(at("/covered/below/kopia")).toBe("/dev/sdd1")
  })
})
