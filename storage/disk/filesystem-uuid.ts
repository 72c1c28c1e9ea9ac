import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { ByteReader } from "../bytes/index.js"
import type { Mount } from "./mountinfo.js"

/** Where the kernel and udev tell about filesystems. */
export interface HostFolders {
  readonly proc: string
  readonly sys: string
  readonly dev: string
}

export const hostFolders: HostFolders = { proc: "/proc", sys: "/sys", dev: "/dev" }

/**
 * What stays the same for a filesystem over reboots and renamed devices, in lower case. Undefined where it has none, or where
 * we cannot read it: in a container often, because it sees neither the devices nor udev's links.
 */
export function filesystemUuid(mount: Mount, host: HostFolders = hostFolders): string | undefined {
  if (mount.type === "zfs") return zfsGuid(mount.source, host)
  if (!mount.source.startsWith("/")) return undefined
  const device = real(join(host.dev, mount.source.replace(/^\/dev\//, "")))
  if (device === undefined) return btrfsUuid(basename(mount.source), host)
  return linkedUuid(device, host) ?? btrfsUuid(basename(device), host) ?? superblockUuid(device)
}

/** A dataset by its pool's guid and its own number there; neither changes when it is renamed or moved to other disks. */
function zfsGuid(dataset: string, host: HostFolders): string | undefined {
  const pool = join(host.proc, "spl/kstat/zfs", /^[^/@]*/.exec(dataset)?.[0] ?? "")
  const guid = text(join(pool, "guid"))?.trim()
  const objectSet = names(pool).find(
    (name) =>
      name.startsWith("objset-") &&
      text(join(pool, name))?.match(/^dataset_name\s+\d+\s+(.*)$/m)?.[1] === dataset,
  )
  if (guid === undefined || !/^\d+$/.test(guid) || objectSet === undefined) return undefined
  return `${guid}/${objectSet.slice("objset-".length)}`
}

/** udev's links from UUID to device. */
function linkedUuid(device: string, host: HostFolders): string | undefined {
  const folder = join(host.dev, "disk/by-uuid")
  return names(folder)
    .find((name) => real(join(folder, name)) === device)
    ?.toLowerCase()
}

/** The kernel lists the devices of each mounted btrfs, readable by everybody. */
function btrfsUuid(device: string, host: HostFolders): string | undefined {
  const folder = join(host.sys, "fs/btrfs")
  return names(folder)
    .filter((name) => /^[0-9a-f-]{36}$/.test(name))
    .find((name) => names(join(folder, name, "devices")).includes(device))
}

/**
 * From the device itself, which takes root.
 *
 * | filesystem | magic at       | magic              | UUID at |
 * | ---------- | -------------- | ------------------ | ------- |
 * | xfs        | 0              | "XFSB"             | 32      |
 * | ext2,3,4   | 1024 + 56      | 0xEF53, low first  | 1024 + 104 |
 * | btrfs      | 65536 + 64     | "_BHRfS_M"         | 65536 + 32 |
 */
function superblockUuid(device: string): string | undefined {
  const bytes = beginning(device, 65536 + 4096)
  if (bytes === undefined) return undefined
  const known = [
    { at: 0, magic: "58465342", uuid: 32 },
    { at: 1024 + 56, magic: "53ef", uuid: 1024 + 104 },
    { at: 65536 + 64, magic: "5f42485266535f4d", uuid: 65536 + 32 },
  ]
  for (const { at, magic, uuid } of known) {
    if (hexAt(bytes, at, magic.length / 2) !== magic) continue
    const hex = hexAt(bytes, uuid, 16)
    if (hex !== undefined && !/^0+$/.test(hex))
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
  }
  return undefined
}

function hexAt(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (at + length > bytes.length) return undefined
  const reader = new ByteReader(bytes, "superblock")
  reader.bytes(at, "what comes before")
  return Buffer.from(reader.bytes(length, "field")).toString("hex")
}

function beginning(device: string, length: number): Uint8Array | undefined {
  return orNothing(() => {
    // FUSE names /dev/fuse as its source, and reading from that is no mere looking.
    if (!statSync(device).isBlockDevice()) return undefined
    const descriptor = openSync(device, "r")
    try {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))
    } finally {
      closeSync(descriptor)
    }
  })
}

function text(file: string): string | undefined {
  return orNothing(() => readFileSync(file, "utf8"))
}

function names(folder: string): string[] {
  return orNothing(() => readdirSync(folder)) ?? []
}

function real(path: string): string | undefined {
  return orNothing(() => realpathSync(path))
}

/** What cannot be read here is not there for us: the identity is then weaker, and the record says so. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
