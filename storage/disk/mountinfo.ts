import { readFileSync } from "node:fs"
import { StorageError } from "../errors.js"

/** One mount, as /proc/self/mountinfo tells it (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly id: number
  readonly parent: number
  /** "major:minor". btrfs shows an anonymous device here, and another one in st_dev. */
  readonly device: string
  /** What of the filesystem is mounted: "/" or a subvolume's, or a bind mount's, directory in it. */
  readonly root: string
  readonly mountPoint: string
  readonly readOnly: boolean
  /** Without the version that NFS puts into it: nfs4 is "nfs". */
  readonly type: string
  /** The device, the dataset, or server:/path. */
  readonly source: string
  /** Of this mount alone, such as "noatime". */
  readonly flags: readonly string[]
  /** The filesystem's own options, such as "vers=4.2" and "nocto" of NFS. */
  readonly options: readonly string[]
}

let last: { readonly text: string; readonly mounts: readonly Mount[] } | undefined

/**
 * The mounts of this process. Reads no mounted filesystem, so it never hangs on one. The table is read at each call; while it
 * reads the same, the mounts are the same objects.
 */
export function readMounts(file = "/proc/self/mountinfo"): readonly Mount[] {
  try {
    const text = readFileSync(file, "utf8")
    if (last?.text !== text) last = { text, mounts: parseMountinfo(text) }
    return last.mounts
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    throw new StorageError("unreadable", `${file} cannot be read`, {
      facts: { file },
      hint: "Run the daemon on Linux, with /proc mounted.",
      cause,
    })
  }
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//  |  |  |    |     |     |         |          |  |     |         superblock's options
//  |  |  |    |     |     |         |          |  |     source
//  |  |  |    |     |     |         |          |  type
//  |  |  |    |     |     |         |          end of the optional fields
//  |  |  |    |     |     |         optional fields, none or more
//  |  |  |    |     |     the mount's options
//  |  |  |    |     mount point
//  |  |  |    root
//  |  |  device
//  |  parent
//  id
export function parseMountinfo(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine)
}

function parseLine(line: string): Mount {
  const fields = line.split(" ")
  const [id, parent, device, root, mountPoint, options] = fields
  const [separator, type, source, superOptions] = fields.slice(fields.indexOf("-", 6))
  if (
    id === undefined ||
    parent === undefined ||
    device === undefined ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    separator !== "-" ||
    type === undefined ||
    source === undefined
  ) {
    throw new StorageError("corrupt", `mountinfo: not a mount: ${JSON.stringify(line.slice(0, 200))}`)
  }
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescaped(root),
    mountPoint: unescaped(mountPoint),
    readOnly: isReadOnly(options) || isReadOnly(superOptions ?? ""),
    type: type === "nfs4" ? "nfs" : type,
    source: unescaped(source),
    flags: options.split(","),
    options: (superOptions ?? "").split(","),
  }
}

function isReadOnly(options: string): boolean {
  return options.split(",").includes("ro")
}

/** The kernel writes space, tab, newline, backslash and "#" as three octal digits. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}

/**
 * The mount that holds `path`, which is absolute and free of links and "..". Walks down as the kernel does, so a mount that
 * a later one covers is not found.
 */
export function mountOf(path: string, mounts: readonly Mount[]): Mount {
  const ids = new Set(mounts.map((mount) => mount.id))
  const root = mounts.filter((mount) => mount.mountPoint === "/" && !ids.has(mount.parent)).at(-1)
  if (root === undefined) throw new StorageError("corrupt", "mountinfo: no mount at /")
  return ancestors(path).reduce((mount, place) => topmost(mount, place, mounts), root)
}

/** What is mounted upon `mount` at `place`, and upon that, and so on. */
function topmost(mount: Mount, place: string, mounts: readonly Mount[]): Mount {
  const upon = mounts.find(
    (other) => other.parent === mount.id && other.mountPoint === place && other.id !== mount.id,
  )
  return upon === undefined ? mount : topmost(upon, place, mounts)
}

/** "/", "/a", "/a/b" for "/a/b". */
function ancestors(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "")
  return ["/", ...parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`)]
}
