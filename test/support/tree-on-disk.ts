import { createHash } from "node:crypto"
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { fileCalls } from "../../storage/host/index.js"

const O_PATH = 0o10000000

/** What lies at a path on a disk: everything that a restore has to bring back. */
export interface OnDisk {
  /** Bytes in hex; "" is the top. */
  readonly path: string
  readonly type: string
  readonly mode: string
  readonly owner: string
  readonly mtimeNs: string | undefined
  readonly size: number | undefined
  readonly sha256: string | undefined
  readonly target: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  /** Of a device; "-" for the others. */
  readonly device: string
  /** The first path, in order, of the same inode. */
  readonly sameAs: string
}

/** Everything below a directory and the directory itself, sorted by path. */
export function treeOnDisk(top: string, { directoryTimes = true } = {}): OnDisk[] {
  const found: OnDisk[] = []
  const inodes = new Map<string, string>()
  const look = (path: Buffer, relative: Buffer): void => {
    const stats = lstatSync(path, { bigint: true })
    const hex = relative.toString("hex")
    const inode = `${stats.dev} ${stats.ino}`
    if (!inodes.has(inode)) inodes.set(inode, hex)
    const isDirectory = stats.isDirectory()
    found.push({
      path: hex,
      type: typeOf(stats),
      mode: (stats.mode & 0o7777n).toString(8).padStart(4, "0"),
      owner: `${stats.uid}:${stats.gid}`,
      mtimeNs: isDirectory && !directoryTimes ? undefined : stats.mtimeNs.toString(),
      size: stats.isFile() ? Number(stats.size) : undefined,
      sha256: stats.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : undefined,
      target: stats.isSymbolicLink() ? readlinkSync(path, { encoding: "buffer" }).toString("hex") : undefined,
      attributes: attributesOf(path),
      device: stats.isBlockDevice() || stats.isCharacterDevice() ? stats.rdev.toString() : "-",
      sameAs: inodes.get(inode) ?? "",
    })
    if (!isDirectory) return
    for (const name of readdirSync(path, { encoding: "buffer" }).sort((a, b) => a.compare(b)))
      look(join(path, name), relative.length === 0 ? name : join(relative, name))
  }
  look(Buffer.from(top), Buffer.alloc(0))
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function join(path: Buffer, name: Buffer): Buffer {
  return Buffer.concat([path, Buffer.from("/"), name])
}

function typeOf(stats: ReturnType<typeof lstatSync>): string {
  if (stats === undefined) return "?"
  if (stats.isDirectory()) return "d"
  if (stats.isFile()) return "f"
  if (stats.isSymbolicLink()) return "l"
  if (stats.isFIFO()) return "p"
  if (stats.isSocket()) return "s"
  return stats.isBlockDevice() ? "b" : "c"
}

/** Extended attributes, in base64. */
export function attributesOf(path: Buffer | string): Record<string, string> {
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW)
  try {
    const attributes = fileCalls().attributes(`/proc/self/fd/${descriptor}`)
    return Object.fromEntries(
      attributes.map(({ name, value }) => [name, Buffer.from(value).toString("base64")]),
    )
  } finally {
    closeSync(descriptor)
  }
}
