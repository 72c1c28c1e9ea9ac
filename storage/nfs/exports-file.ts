import { canonicalNetwork, checkExports, type NfsClient, type NfsExport, PLAIN_PATH } from "./export.js"

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
  const lines = exports.map(({ path, mountPoint, clients }) => {
    const fields = clients.map(
      (client) => `${canonicalNetwork(client.network)}(${optionsOf(client, path, mountPoint).join(",")})`,
    )
    return `${[escapedPath(path), ...fields.sort()].join(" ")}\n`
  })
  return lines.sort().join("")
}

/** The options of one client in the order in which they are written. */
export function optionsOf(client: NfsClient, path: string, mountPoint: string | undefined): string[] {
  const { access, squash } = client
  return [
    access === "readWrite" ? "rw" : "ro",
    "sync",
    "no_subtree_check",
    "secure",
    "root_squash",
    squash === undefined ? "no_all_squash" : "all_squash",
    ...(squash === undefined ? [] : [`anonuid=${squash.uid}`, `anongid=${squash.gid}`]),
    "sec=sys",
    ...(mountPoint === undefined ? [] : [mountPoint === path ? "mountpoint" : `mountpoint=${mountPoint}`]),
  ]
}

/** Every byte that exports(5) might read as something else becomes three octal digits. */
export function escapedPath(path: string): string {
  return [...Buffer.from(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return PLAIN_PATH.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`
    })
    .join("")
}
