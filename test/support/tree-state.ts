import { createHash } from "node:crypto"
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"

/** What of a tree could be changed, one line each: names, kinds, modes, owners, times and contents. */
export function treeState(directory: string): string[] {
  const root = Buffer.from(directory)
  const paths = [root, ...below(root)]
  return paths.map(stateOf).sort()
}

function below(folder: Buffer): Buffer[] {
  return readdirSync(folder, { withFileTypes: true, encoding: "buffer" }).flatMap((entry) => {
    const path = Buffer.concat([folder, Buffer.from("/"), entry.name])
    return entry.isDirectory() ? [path, ...below(path)] : [path]
  })
}

function stateOf(path: Buffer): string {
  const { mode, uid, gid, size, nlink, mtimeNs, ctimeNs, atimeNs, ...stats } = lstatSync(path, {
    bigint: true,
  })
  const isFile = (mode & BigInt(constants.S_IFMT)) === BigInt(constants.S_IFREG)
  const isLink = (mode & BigInt(constants.S_IFMT)) === BigInt(constants.S_IFLNK)
  // To read a directory's names is to access it, for whoever compares two states as for the program between them.
  const accessed = isFile ? atimeNs : "-"
  const content = isFile ? digestOf(path) : isLink ? readlinkSync(path) : "-"
  return [
    path.toString("latin1"),
    stats.ino,
    mode,
    uid,
    gid,
    size,
    nlink,
    mtimeNs,
    ctimeNs,
    accessed,
    content,
  ].join(" ")
}

function digestOf(path: Buffer): string {
  // Without a trace: only then an access in between shows.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOATIME)
  try {
    return createHash("sha256").update(readFileSync(descriptor)).digest("hex")
  } finally {
    closeSync(descriptor)
  }
}

/** Sets the times of last access of every file in a tree long back, so that the kernel notes each further one. */
export function forgetAccesses(directory: string, setTimes: (path: string) => void): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) setTimes(join(entry.parentPath, entry.name))
}
