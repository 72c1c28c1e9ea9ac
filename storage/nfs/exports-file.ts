import { unescapedPath } from "./etab.js"
import {
  asAgreed,
  canonicalClient,
  checkExports,
  type NfsClient,
  type NfsExport,
  PLAIN_PATH,
} from "./export.js"

const HEADER = "# From the exports that are declared to Cistern (`cistern exports show`).\n"

/**
 * The text of a file for `/etc/exports.d` (exports(5); reference nas-platforms.md §1.2 and §1.3). Throws StorageError `invalid`
 * for what must not be exported.
 */
export function renderExportsFile(exports: readonly NfsExport[]): string {
  return HEADER + renderExportLines(exports)
}

/** One line for each path, sorted, with every option that has a default spelled out. Throws as renderExportsFile does. */
export function renderExportLines(exports: readonly NfsExport[]): string {
  checkExports(exports)
  const lines = exports.map((one) => {
    const fields = one.clients.map(
      (client) => `${canonicalClient(client.network)}(${optionsOf(client, one).join(",")})`,
    )
    return `${[escapedPath(one.path), ...fields.sort()].join(" ")}\n`
  })
  return lines.sort().join("")
}

/**
 * The exports that renderExportLines wrote these lines for, networks in their one spelling. Only for lines that are known to be
 * its own.
 */
export function exportsOfLines(lines: readonly string[]): NfsExport[] {
  return lines.map((line) => {
    const [field = "", ...clients] = line.split(" ")
    const path = unescapedPath(field)
    const options = clients.map((client) => client.slice(client.indexOf("(") + 1, -1).split(","))
    const mountPoint = valueOf(options[0], "mountpoint")
    return asAgreed({
      path,
      mountPoint: mountPoint === "" ? path : mountPoint,
      crossMounts: options[0]?.includes("crossmnt") === true,
      fsid: valueOf(options[0], "fsid"),
      clients: clients.map((client, at) => clientOf(client.slice(0, client.indexOf("(")), options[at] ?? [])),
    })
  })
}

function clientOf(network: string, options: readonly string[]): NfsClient {
  const [uid, gid] = [valueOf(options, "anonuid"), valueOf(options, "anongid")]
  return {
    network,
    access: options.includes("rw") ? "readWrite" : "readOnly",
    squash: uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) },
  }
}

/** "" for an option that stands alone. */
function valueOf(options: readonly string[] | undefined, name: string): string | undefined {
  const option = options?.find((one) => one === name || one.startsWith(`${name}=`))
  return option?.slice(name.length + 1)
}

/** The options of one client in the order in which they are written. */
export function optionsOf(client: NfsClient, one: Omit<NfsExport, "clients">): string[] {
  const { access, squash } = client
  const { path, mountPoint, crossMounts, fsid } = one
  return [
    access === "readWrite" ? "rw" : "ro",
    "sync",
    "no_subtree_check",
    "secure",
    "root_squash",
    squash === undefined ? "no_all_squash" : "all_squash",
    ...(squash === undefined ? [] : [`anonuid=${squash.uid}`, `anongid=${squash.gid}`]),
    "sec=sys",
    ...(crossMounts ? ["crossmnt"] : []),
    ...(fsid === undefined ? [] : [`fsid=${fsid}`]),
    ...(mountPoint === undefined ? [] : [mountPoint === path ? "mountpoint" : `mountpoint=${mountPoint}`]),
  ]
}

/** Every byte that exports(5) might read as something else becomes three octal digits. */
export function escapedPath(path: string): string {
  if (PLAIN_PATH.test(path)) return path
  return [...Buffer.from(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return PLAIN_PATH.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`
    })
    .join("")
}
