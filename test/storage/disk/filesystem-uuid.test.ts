import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { filesystemUuid, type HostFolders } from "../../../storage/disk/filesystem-uuid.js"
import type { Mount } from "../../../storage/disk/mountinfo.js"
import { scratch } from "../../support/fixtures.js"

// The filesystems that no test can make here, by the files in which the kernel and udev tell of them.

/** A host whose /proc, /sys and /dev hold these files; a value that begins with "->" is a link. */
function host(files: Record<string, string>): HostFolders {
  const root = scratch()
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    if (content.startsWith("->")) symlinkSync(content.slice(2), file)
    else writeFileSync(file, content)
  }
  return { proc: join(root, "proc"), sys: join(root, "sys"), dev: join(root, "dev") }
}

function mount(type: string, source: string): Mount {
  return {
    id: 1,
    parent: 0,
    device: "0:1",
    root: "/",
    mountPoint: "/mnt",
    readOnly: false,
    flags: [],
    options: [],
    type,
    source,
  }
}

describe("the UUID of a filesystem", () => {
  it("comes from udev's links, whatever the device is called", () => {
    const links = host({
      "dev/sdb1": "",
      "dev/dm-0": "",
      "dev/mapper/vg-data": "->../dm-0",
      "dev/disk/by-uuid/0A1B-2C3D": "->../../sdb1",
      "dev/disk/by-uuid/5f0a0c4e-0000-4000-8000-000000000001": "->../../dm-0",
    })
    expect(filesystemUuid(mount("vfat", "/dev/sdb1"), links)).toBe("0a1b-2c3d")
    expect(filesystemUuid(mount("xfs", "/dev/mapper/vg-data"), links)).toBe(
      "5f0a0c4e-0000-4000-8000-000000000001",
    )
  })

  it("comes from the kernel's list for btrfs, also where no device node can be seen", () => {
    const uuid = "11111111-2222-4333-8444-555555555555"
    const list = host({
      "sys/fs/btrfs/features/raid1c34": "",
      "sys/fs/btrfs/99999999-2222-4333-8444-555555555555/devices/sdz": "",
      [`sys/fs/btrfs/${uuid}/devices/sdc`]: "",
    })
    expect(filesystemUuid(mount("btrfs", "/dev/sdc"), list)).toBe(uuid)
    expect(filesystemUuid(mount("btrfs", "/dev/sdd"), list)).toBeUndefined()
  })

  it("is pool and dataset for ZFS, by their numbers", () => {
    const pools = host({
      "proc/spl/kstat/zfs/tank/guid": "8411239812739812739\n",
      "proc/spl/kstat/zfs/tank/objset-0x36": "31 1 0x01 7 2160\nname type data\ndataset_name 7 tank\n",
      "proc/spl/kstat/zfs/tank/objset-0x8d":
        "31 1 0x01 7 2160\nname type data\ndataset_name 7 tank/k8s backups\n",
    })
    expect(filesystemUuid(mount("zfs", "tank/k8s backups"), pools)).toBe("8411239812739812739/0x8d")
    expect(filesystemUuid(mount("zfs", "tank"), pools)).toBe("8411239812739812739/0x36")
    expect(filesystemUuid(mount("zfs", "tank/other"), pools)).toBeUndefined()
  })

  it("is not made up for ZFS before the pool's guid can be read", () => {
    const old = host({ "proc/spl/kstat/zfs/tank/objset-0x36": "dataset_name 7 tank\n" })
    expect(filesystemUuid(mount("zfs", "tank"), old)).toBeUndefined()
  })

  it("is unknown for network mounts and for memory", () => {
    const nothing = host({ "dev/null": "" })
    expect(filesystemUuid(mount("nfs", "nas:/volume1"), nothing)).toBeUndefined()
    expect(filesystemUuid(mount("tmpfs", "tmpfs"), nothing)).toBeUndefined()
  })

  it("is never read from a file that is no block device", () => {
    const superblock = Buffer.alloc(70_000, 1)
    superblock.write("XFSB", 0)
    const files = host({ "dev/sdb1": superblock.toString("latin1") })
    expect(filesystemUuid(mount("xfs", "/dev/sdb1"), files)).toBeUndefined()
  })
})
