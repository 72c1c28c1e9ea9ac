import { createHash } from "node:crypto"

/** Filesystems that the kernel's server cannot name by themselves: those of programs (mergerfs is one), unions, and memory. */
const NAMELESS = /^(fuse|overlay|aufs|unionfs|tmpfs|ramfs|rootfs)/

/**
 * What clients are to know an exported directory by, in a UUID's form: the same one as long as `seed`, its store's lasting name
 * and its path, is the same, or their handles go stale. Undefined where the filesystem has such a name itself.
 */
export function lastingFsid(filesystemType: string, seed: string): string | undefined {
  if (!NAMELESS.test(filesystemType)) return undefined
  const hex = createHash("sha256").update(seed).digest("hex")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5")
}
