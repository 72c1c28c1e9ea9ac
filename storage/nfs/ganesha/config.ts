import { StorageError } from "../../errors.js"
import { canonicalClient, checkExports, type NfsClient, type NfsExport } from "../export.js"
import { isNetgroup } from "../netgroup.js"

/** exports(5)'s nobody, whom root becomes where users stay who they are. */
const NOBODY = { uid: 65534, gid: 65534 }

/** Its lexer has no longer prefix (`CIDR`), and none of length 0. */
const LONGEST_IPV6_PREFIX = 99

/**
 * Refuses what must not be exported, and what NFS-Ganesha cannot be told. Throws StorageError `invalid` for the first that is wrong.
 * Ganesha itself is no judge: an unbalanced quote has made 4.3 crash, and a client that it cannot read is left out with success.
 */
export function checkForGanesha(exports: readonly NfsExport[]): void {
  checkExports(exports)
  for (const { path, fsid, clients } of exports) {
    checkPath(path)
    if (fsid !== undefined) filesystemId(path, fsid)
    for (const { network } of clients) clientOf(path, network)
  }
}

/**
 * One EXPORT block. Everything is said, because what is not comes from the EXPORT_DEFAULTS of somebody else's file. Without clients,
 * nobody may mount it. Throws StorageError `invalid`.
 */
export function renderGaneshaExport({ path, fsid, clients }: NfsExport, id: number): string {
  const quoted = quotedPath(path)
  const blocks = clients.map((client) =>
    clientBlock(
      clientOf(path, client.network),
      client.access === "readWrite" ? "RW" : "RO",
      permissionsOf(client.squash),
    ),
  )
  return [
    "EXPORT {",
    `  Export_Id = ${id};`,
    `  Path = ${quoted};`,
    // Clients mount the same path as from the kernel's server.
    `  Pseudo = ${quoted};`,
    `  Access_Type = None;`,
    `  ${permissionsOf(undefined)}`,
    // By default it shows clients for a minute files that an engine on this machine has removed, and hides new ones.
    "  Attr_Expiration_Time = 0;",
    ...(fsid === undefined ? [] : [`  Filesystem_id = ${filesystemId(path, fsid)};`]),
    "  FSAL { Name = VFS; }",
    // In order, the first that matches counts.
    ...blocks.sort(),
    // What the block itself permits to everybody else cannot be read back; what a client list says can.
    clientBlock("*", "None", permissionsOf(undefined)),
    "}\n",
  ].join("\n")
}

function clientBlock(client: string, access: "RW" | "RO" | "None", permissions: string): string {
  return `  CLIENT { Clients = ${client}; Access_Type = ${access}; ${permissions} }`
}

function permissionsOf(squash: NfsClient["squash"]): string {
  const { uid, gid } = squash ?? NOBODY
  return [
    "Protocols = 4;",
    "Transports = TCP;",
    "SecType = sys;",
    "PrivilegedPort = true;",
    `Squash = ${squash === undefined ? "Root_Squash" : "All_Squash"};`,
    `Anonymous_Uid = ${uid};`,
    `Anonymous_Gid = ${gid};`,
    "Manage_Gids = false;",
    "Delegations = None;",
    "NFS_Commit = false;",
  ].join(" ")
}

function checkPath(path: string): void {
  if (path.endsWith("\\")) {
    // Its lexer takes the longest string, and reads on behind the closing quote.
    throw refused(path, "NFS-Ganesha cannot be told of a name that ends with a backslash")
  }
  if (/[\p{Cs}\p{Noncharacter_Code_Point}]/u.test(path)) {
    throw refused(path, "NFS-Ganesha cannot tell back a name that D-Bus does not carry")
  }
}

function quotedPath(path: string): string {
  checkPath(path)
  return `"${path.replace(/[\\"]/g, "\\$&")}"`
}

/** As it is written there; a single address of IPv6 without its prefix, which would have three digits. */
function clientOf(path: string, network: string): string {
  const canonical = canonicalClient(network)
  if (isNetgroup(canonical)) return canonical
  const [address = "", prefix = ""] = canonical.split("/")
  if (!address.includes(":")) {
    if (prefix !== "0") return canonical
    throw refused(path, `NFS-Ganesha cannot be told ${canonical}`, "Name 0.0.0.0/1 and 128.0.0.0/1.")
  }
  if (prefix === "128") return address
  if (prefix !== "0" && Number(prefix) <= LONGEST_IPV6_PREFIX) return canonical
  throw refused(
    path,
    `NFS-Ganesha cannot be told ${canonical}`,
    `Give a prefix of IPv6 from 1 to ${LONGEST_IPV6_PREFIX}, or single addresses (/128).`,
  )
}

/** A UUID as the two numbers of 64 bits that Ganesha wants. */
function filesystemId(path: string, fsid: string): string {
  const hex = fsid.replaceAll("-", "")
  const halves = [hex.slice(0, 16), hex.slice(16)]
  if (halves.includes("f".repeat(16))) throw refused(path, `NFS-Ganesha does not take the fsid ${fsid}`)
  return halves.map((half) => `0x${half}`).join(".")
}

function refused(path: string, why: string, hint = "Rename the directory."): StorageError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
  return new StorageError("invalid", `${shown} cannot be exported: ${why}`, { facts: { path }, hint })
}
