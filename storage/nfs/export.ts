import { StorageError } from "../errors.js"
import { formatNetwork, overlap, parseNetwork } from "../network.js"
import { everybodyWrites } from "./everybody.js"
import { isNetgroup } from "./netgroup.js"

/** One directory that NFS clients may mount, and which of them. */
export interface NfsExport {
  /** Absolute and normal. */
  readonly path: string
  /**
   * The root of the filesystem that `path` is on, at or above it: while nothing is mounted there, clients find no such
   * directory. Undefined on the machine's own root filesystem, which is always there.
   */
  readonly mountPoint: string | undefined
  /**
   * Whether filesystems are mounted in it, which clients see too. Without, they would see, and write into, the empty
   * directories under the mounts.
   */
  readonly crossMounts: boolean
  /**
   * What clients know the filesystem by, in a UUID's form, where it has no name of its own that lasts (FUSE, overlay). Undefined
   * for every other one.
   */
  readonly fsid: string | undefined
  readonly clients: readonly NfsClient[]
  /** Somebody said that it is meant. Without, an export by which everybody may write is refused. */
  readonly everybodyMayWrite?: boolean
}

export interface NfsClient {
  /** CIDR, or a netgroup such as "@movers". Never the name of a host: what an NFS server makes of one cannot be read back. */
  readonly network: string
  readonly access: "readOnly" | "readWrite"
  /** Whom every user of the client becomes; undefined: root becomes nobody, others stay who they are. */
  readonly squash: { readonly uid: number; readonly gid: number } | undefined
}

/** Longer paths cannot be mounted: MNTPATHLEN (RFC 1813, appendix I), in bytes. */
const MOST_PATH_BYTES = 1024
/** The last id, -1, means "unchanged" to the kernel. */
const LARGEST_ID = 0xffff_fffe
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What exportfs keeps as it is. A mount point with any other character makes its own table unreadable to it. */
export const PLAIN_PATH = /^[A-Za-z0-9._/-]*$/

/** Refuses what must never be exported, whatever renders it. Throws StorageError `invalid` for the first that is wrong. */
export function checkExports(exports: readonly NfsExport[]): void {
  const paths = new ExportedPaths()
  for (const one of exports) {
    checkExport(one)
    paths.add(one.path)
  }
}

/** The same for one alone. Pure: whether a directory is there is not asked. */
export function checkExport({ path, mountPoint, fsid, clients, everybodyMayWrite }: NfsExport): void {
  checkPath(path)
  if (fsid !== undefined && !UUID.test(fsid)) {
    throw refused(path, `${JSON.stringify(fsid)} is no UUID`, "Give it none, or one in lower case.")
  }
  if (mountPoint !== undefined) checkMountPoint(path, mountPoint)
  if (clients.length === 0) throw refused(path, "nobody may mount it", "Give the cluster its networks.")
  for (const [index, client] of clients.entries()) checkClient(path, client, clients.slice(0, index))
  if (everybodyMayWrite !== true && everybodyWrites(clients)) {
    const networks = clients.map(({ network }) => network).join(", ")
    throw refused(path, `everybody could write (${networks})`, "Name the networks of the cluster.")
  }
}

/** An export that was written once: who may write was agreed to then. */
export function asAgreed(one: NfsExport): NfsExport {
  return everybodyWrites(one.clients) ? { ...one, everybodyMayWrite: true } : one
}

/** The directories that are exported, none of them in another one. */
export class ExportedPaths {
  readonly #paths = new Set<string>()
  /** By each directory around an exported one, that one. */
  readonly #inside = new Map<string, string>()

  /** Throws StorageError `invalid` for one that is there, and for one in or around another. Then it is not added. */
  add(path: string): void {
    if (this.#paths.has(path)) throw refused(path, "it is there twice", "Keep one of the two.")
    const around = directoriesAround(path)
    const outer = around.find((directory) => this.#paths.has(directory))
    if (outer !== undefined) throw nested(path, outer)
    const inner = this.#inside.get(path)
    if (inner !== undefined) throw nested(inner, path)
    this.#paths.add(path)
    for (const directory of around) this.#inside.set(directory, path)
  }
}

/** "/", "/a" and "/a/b" for "/a/b/c". */
function directoriesAround(path: string): string[] {
  const parts = path.split("/").slice(1, -1)
  return ["/", ...parts.map((_, at) => `/${parts.slice(0, at + 1).join("/")}`)]
}

function checkPath(path: string): void {
  if (!path.startsWith("/")) throw refused(path, "it is not an absolute path", "Write the whole path.")
  if (path === "/") {
    throw refused(path, "it is the whole machine", "Export a directory of a store.")
  }
  if (
    path
      .slice(1)
      .split("/")
      .some((part) => part === "" || part === "." || part === "..")
  ) {
    throw refused(path, 'it holds "//", "." or ".."', "Write it without.")
  }
  if (/\p{Cc}/u.test(path)) {
    throw refused(path, "it holds a control character", "Rename the directory.")
  }
  if (Buffer.byteLength(path) > MOST_PATH_BYTES) {
    throw refused(
      path,
      `it has more than the ${MOST_PATH_BYTES} bytes that a client can mount`,
      "Shorten it.",
    )
  }
}

function checkMountPoint(path: string, mountPoint: string): void {
  if (!isAround(mountPoint, path)) {
    throw refused(path, `it is not on the filesystem at ${mountPoint}`, "Declare the store again.")
  }
  if (mountPoint !== path && !PLAIN_PATH.test(mountPoint)) {
    throw refused(
      path,
      `the NFS server cannot be told to wait for a filesystem at ${JSON.stringify(mountPoint)}`,
      "Export the root of the filesystem itself, or mount it at a path of letters, digits, dots, dashes and underscores.",
    )
  }
}

function checkClient(path: string, { network, squash }: NfsClient, before: readonly NfsClient[]): void {
  const client = canonicalClient(network)
  const twin = before.find((other) => meet(other.network, client))
  if (twin !== undefined) {
    throw refused(path, `${network} and ${twin.network} share addresses`, "Keep the wider one of the two.")
  }
  for (const id of squash === undefined ? [] : [squash.uid, squash.gid]) {
    if (!Number.isInteger(id) || id < 0 || id > LARGEST_ID) {
      throw refused(path, `${id} is no user or group id`, `Give a number from 0 to ${LARGEST_ID}.`)
    }
  }
}

/** The one spelling of a network or netgroup, in which an export names it. Throws StorageError `invalid`. */
export function canonicalClient(client: string): string {
  return isNetgroup(client) ? client : formatNetwork(parseNetwork(client))
}

/** Of netgroups it is only known whether they are the same: their members may be in any network. */
function meet(one: string, other: string): boolean {
  if (isNetgroup(one) || isNetgroup(other)) return one === other
  return overlap(parseNetwork(one), parseNetwork(other))
}

/** Whether `path` is `directory` or lies in it. Both are absolute and normal. */
export function isAround(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`)
}

function nested(inner: string, outer: string): StorageError {
  return refused(
    inner,
    `it lies in ${outer}, which is exported too`,
    "Export one of the two: whoever mounts the outer one reaches the inner one by its rules.",
  )
}

function refused(path: string, why: string, hint: string): StorageError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
  return new StorageError("invalid", `${shown} cannot be exported: ${why}`, { facts: { path }, hint })
}
