import { closeSync, openSync, readSync, statSync } from "node:fs"
import { ByteReader } from "../../bytes/index.js"

// XFS superblock, high byte first (xfs_format.h, struct xfs_dsb): magic "XFSB" at 0, version in the low 4 bits of the u16 at 100,
// sb_features_ro_compat at 212.
const MAGIC = "58465342"
const VERSION_AT = 100
const RO_COMPAT_AT = 212
const REFLINK = 1 << 2

/** Whether files of the XFS on this device can share blocks. Undefined where the device cannot be read, which takes root. */
export function xfsReflink(device: string): boolean | undefined {
  const bytes = beginning(device)
  if (bytes === undefined || Buffer.from(bytes.subarray(0, 4)).toString("hex") !== MAGIC) return undefined
  const reader = new ByteReader(bytes, "superblock")
  reader.bytes(VERSION_AT, "what comes before the version")
  const version = reader.bytes(2, "version")
  reader.bytes(RO_COMPAT_AT - VERSION_AT - 2, "what comes before the features")
  const features = reader.bytes(4, "features")
  return ((version[1] ?? 0) & 0x0f) >= 5 && ((features[3] ?? 0) & REFLINK) !== 0
}

function beginning(device: string): Uint8Array | undefined {
  try {
    if (!statSync(device).isBlockDevice()) return undefined
    const descriptor = openSync(device, "r")
    try {
      const bytes = Buffer.alloc(512)
      return readSync(descriptor, bytes, 0, bytes.length, 0) === bytes.length ? bytes : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}
