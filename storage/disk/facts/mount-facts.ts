import { isServed } from "../network-mount.js"

/** Who finds out when what is read is not what was written: the filesystem for its files, or only for its own structures. */
export type Checksums = "data" | "metadata" | "none" | "unknown"

/** What "written to the disk" means there. */
export interface SyncFact {
  /**
   * `disk`: what was synced survives a power cut. `uncertain`: it may not. `memory`: nothing survives a restart. `unknown`: another
   * machine or program decides.
   */
  readonly kind: "disk" | "uncertain" | "memory" | "unknown"
  /** Undefined for `disk`. */
  readonly why: string | undefined
}

/** What the table of mounts says of a filesystem. `options` are the filesystem's own, as complete as they could be had. */
export interface MountedAs {
  readonly type: string
  readonly flags: readonly string[]
  readonly options: readonly string[]
}

const MEMORY = new Set(["tmpfs", "ramfs"])
const LAYERS = new Set(["overlay", "overlayfs", "aufs", "unionfs"])
const JOURNALLED = new Set(["ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs"])

export function checksumsOf({ type, options }: MountedAs): Checksums {
  if (type === "btrfs") {
    return options.some((option) => option === "nodatasum" || option === "nodatacow") ? "none" : "data"
  }
  if (type === "ext4" || type === "xfs") return "metadata"
  return MEMORY.has(type) || /^(ext[23]|vfat|exfat|ntfs3?|jfs|reiserfs|hfsplus)$/.test(type)
    ? "none"
    : "unknown"
}

/** "none", or as the option names it; undefined where a property of the filesystem decides that is not in the table. */
export function compressionOf({ type, options }: MountedAs): string | undefined {
  if (type === "btrfs") return options.map((one) => /^compress(?:-force)?=(.+)$/.exec(one)?.[1]).find(Boolean)
  return /^(ext[234]|xfs|tmpfs|ramfs|vfat|exfat)$/.test(type) ? "none" : undefined
}

export function syncOf({ type, options }: MountedAs): SyncFact {
  if (MEMORY.has(type)) return { kind: "memory", why: `${type} lies in the machine's memory` }
  if (isServed(type)) return { kind: "unknown", why: `the ${type} server decides, and does not say` }
  if (type.startsWith("fuse")) return { kind: "unknown", why: `the program behind ${type} decides` }
  if (LAYERS.has(type)) return { kind: "unknown", why: "it is a layer upon another filesystem" }
  if (type === "zfs")
    return { kind: "unknown", why: "the dataset's property sync=disabled would not show here" }
  if (options.some((option) => option === "nobarrier" || option === "barrier=0")) {
    return { kind: "uncertain", why: "barriers are off: the disk's own cache is not emptied" }
  }
  if (JOURNALLED.has(type) || type === "ext2") return { kind: "disk", why: undefined }
  return { kind: "unknown", why: `${type} is not known here` }
}

/** Those that say something of safety or of speed; never names or secrets of a server. */
export function optionsThatMatter({ flags, options }: MountedAs): string[] {
  const matter =
    /^(ro|sync|noatime|relatime|strictatime|nobarrier|barrier=\d|data=\w+|commit=\d+|errors=[\w-]+|nodatacow|nodatasum|compress(-force)?=[\w:]+|degraded|discard(=\w+)?|norecovery|noload|nodelalloc|vers=[\d.]+|hard|soft|nocto|actimeo=\d+|nolock)$/
  return [...new Set([...flags, ...options])].filter((option) => matter.test(option))
}

export function isMemory(type: string): boolean {
  return MEMORY.has(type)
}

export function isLayer(type: string): boolean {
  return LAYERS.has(type)
}

export function isRemote(type: string): boolean {
  return isServed(type)
}
