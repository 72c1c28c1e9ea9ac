import { canonicalClient, checkExports, type NfsClient, type NfsExport } from "../export.js"
import { isNetgroup } from "../netgroup.js"
import { shareAt } from "./shared-folders.js"
import { noNetgroups, squashWord, type SquashWord } from "./rules.js"

/** As DSM's dialog names them, with the words of its rules. */
const squashTexts: Readonly<Record<SquashWord, string>> = {
  root: "No mapping",
  admin: "Map root to admin",
  guest: "Map root to guest",
  all_admin: "Map all users to admin",
  all_guest: "Map all users to guest",
}

/**
 * What an administrator of DSM has to do for these exports where Cistern cannot: it has no account there, or one that may not (105).
 * Lines of text. Throws StorageError `unsupported` for what DSM cannot export so, and `invalid` for what no server must.
 */
export function administratorSteps(exports: readonly NfsExport[]): string[] {
  checkExports(exports)
  const rules = exports.flatMap(({ path, clients, crossMounts }) => {
    const share = shareAt(sharesByPath(path), path)
    return [
      "",
      `Control Panel > Shared Folder > ${share.name} > Edit > NFS Permissions. Remove what is not listed here and not meant. Create:`,
      ...clients.flatMap((client) => ruleLines(path, client, crossMounts)),
    ]
  })
  return [
    'Control Panel > File Services > NFS: "Enable NFS service" on, and the highest NFS protocol that is offered.',
    ...rules,
  ]
}

function ruleLines(path: string, client: NfsClient, crossMounts: boolean): string[] {
  if (isNetgroup(client.network)) throw noNetgroups(path, client.network)
  const word = squashWord(path, client.squash)
  return [
    `  Hostname or IP: ${canonicalClient(client.network)}`,
    `    Privilege: ${client.access === "readWrite" ? "Read/Write" : "Read only"}`,
    `    Squash: ${squashTexts[word]} (${word})`,
    "    Security: sys",
    "    Enable asynchronous: off",
    "    Allow connections from non-privileged ports: off",
    `    Allow users to access mounted subfolders: ${crossMounts ? "on" : "off"}`,
  ]
}

/** DSM is not asked here: its shared folders are right below its volumes. */
function sharesByPath(path: string): { volume: string; name: string }[] {
  const [, volume, name] = /^(\/volume\d+)\/([^/]+)/.exec(path) ?? []
  return volume === undefined || name === undefined ? [] : [{ volume, name }]
}
