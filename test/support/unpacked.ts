import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"

/** Something below a directory, in the same words as `shown` of restored.ts. */
export interface UnpackedEntry {
  /** Bytes in hex. */
  readonly path: string
  readonly type: string
  readonly mode: string
  readonly owner: string
  readonly mtimeNs: string
  readonly size: number | undefined
  readonly sha256: string | undefined
  readonly target: string | undefined
  readonly inode: string
  /** Number of a device. */
  readonly device: number
}

/** Everything below a directory, sorted by path. */
export function unpackedIn(directory: string): UnpackedEntry[] {
  const found: UnpackedEntry[] = []
  const walk = (above: Buffer): void => {
    for (const name of readdirSync(Buffer.concat([Buffer.from(directory + "/"), above]), {
      encoding: "buffer",
    })) {
      const path = above.length === 0 ? name : Buffer.concat([above, Buffer.from("/"), name])
      const absolute = Buffer.concat([Buffer.from(directory + "/"), path])
      const stat = lstatSync(absolute, { bigint: true })
      const isFile = stat.isFile()
      found.push({
        path: path.toString("hex"),
        type: typeOf(stat),
        mode: (stat.mode & 0o7777n).toString(8).padStart(4, "0"),
        owner: `${stat.uid}:${stat.gid}`,
        mtimeNs: String(stat.mtimeNs),
        size: isFile ? Number(stat.size) : undefined,
        sha256: isFile ? createHash("sha256").update(readFileSync(absolute)).digest("hex") : undefined,
        target: stat.isSymbolicLink()
          ? readlinkSync(absolute, { encoding: "buffer" }).toString("hex")
          : undefined,
        inode: String(stat.ino),
        device: Number(stat.rdev),
      })
      if (stat.isDirectory()) walk(path)
    }
  }
  walk(Buffer.alloc(0))
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function typeOf(stat: ReturnType<typeof lstatSync> & object): string {
  if (stat.isDirectory()) return "d"
  if (stat.isSymbolicLink()) return "l"
  if (stat.isFIFO()) return "p"
  if (stat.isBlockDevice()) return "b"
  if (stat.isCharacterDevice()) return "c"
  return stat.isFile() ? "f" : "?"
}

/** Extended attributes that a user may set, as base64, by the real getfattr of Python's os. */
export function attributesOf(directory: string, path: string): Record<string, string> {
  const script =
    "import os,sys,base64,json\n" +
    "p=sys.argv[1]\n" +
    "print(json.dumps({n: base64.b64encode(os.getxattr(p,n,follow_symlinks=False)).decode() for n in os.listxattr(p,follow_symlinks=False)}))"
  const printed = execFileSync("python3", ["-c", script, join(directory, path)], { encoding: "utf8" })
  return JSON.parse(printed) as Record<string, string>
}
