import type { Accounts, FoundFilesystem, NfsShare } from "../../nas/truenas/index.js"
import { overlap, parseNetwork } from "../../network.js"
import { StorageError } from "../../errors.js"
import type { NfsExport } from "../export.js"
import { isNetgroup } from "../netgroup.js"
import type { ExportRefusal } from "../refusal.js"

export interface RefusalFacts {
  readonly accounts: Accounts
  /** By path; undefined where there is no such directory. */
  readonly filesystems: ReadonlyMap<string, FoundFilesystem | undefined>
  readonly foreign: readonly NfsShare[]
}

/** Whether TrueNAS can be asked about the path at all. */
export function isBelowMnt(path: string): boolean {
  return path.startsWith("/mnt/")
}

/** Why TrueNAS cannot export it as it is wanted: the first reason; undefined for none. */
export function refusalOf(one: NfsExport, facts: RefusalFacts): ExportRefusal | undefined {
  const { path } = one
  const found = placeRefusal(one, facts.filesystems.get(path)) ?? clientRefusal(one, facts)
  return found === undefined
    ? undefined
    : { path, message: `${path} cannot be exported by TrueNAS: ${found[0]}`, hint: found[1] }
}

type Why = readonly [message: string, hint: string]

function placeRefusal(
  { path, crossMounts, fsid }: NfsExport,
  filesystem: FoundFilesystem | undefined,
): Why | undefined {
  if (!isBelowMnt(path)) {
    return [
      "it does not lie in /mnt",
      "Give the container the dataset at the path that it has on TrueNAS, such as /mnt/tank/repos.",
    ]
  }
  if (filesystem === undefined) {
    return [
      "TrueNAS has no such directory",
      "Give the container the dataset at the path that it has on TrueNAS, with propagation rslave.",
    ]
  }
  if (filesystem.mountPoint !== path) {
    return [
      `it is a directory in the dataset ${filesystem.source}, for which TrueNAS sets subtree_check: files that a mover renames go stale`,
      "Make it a dataset of its own and move what is in it there, or export the whole dataset.",
    ]
  }
  if (crossMounts) {
    return [
      "there are datasets in it, and TrueNAS does not let clients cross into them: they would write into the empty directories below",
      "Export each of these datasets instead of the one around them.",
    ]
  }
  if (fsid !== undefined) {
    return ["it is not on ZFS", "Export a dataset."]
  }
  return undefined
}

function clientRefusal({ path, clients }: NfsExport, { accounts, foreign }: RefusalFacts): Why | undefined {
  for (const { network, squash } of clients) {
    if (isNetgroup(network)) {
      return [
        `Cistern does not give TrueNAS netgroups (${network}): whether it knows one cannot be read back`,
        "Name hosts or networks instead.",
      ]
    }
    const range = parseNetwork(network)
    if (range.first === 0n) {
      return [
        `TrueNAS takes no network that begins at zero (${network})`,
        "Name the networks of the cluster.",
      ]
    }
    const user = accounts.users.some(({ id }) => id === squash?.uid)
    const group = accounts.groups.some(({ id }) => id === squash?.gid)
    if (squash !== undefined && !(user && group)) {
      const missing = user ? `group with the number ${squash.gid}` : `user with the number ${squash.uid}`
      return [
        `there is no ${missing}, and TrueNAS squashes to names`,
        "Make one in TrueNAS' Credentials with that number, or squash to one that there is.",
      ]
    }
    const twin = foreign.find((share) => share.path === path && mayMount(share, range))
    if (twin !== undefined) {
      return [
        `share ${twin.id}, which is not Cistern's, exports it to ${network} already`,
        "Delete that share in TrueNAS once everything that it is for is declared.",
      ]
    }
  }
  return undefined
}

/** Names among its hosts may be anybody: TrueNAS compares those itself. */
function mayMount({ networks, hosts }: NfsShare, range: ReturnType<typeof parseNetwork>): boolean {
  if (networks.length === 0 && hosts.length === 0) return true
  return networks.some((network) => {
    try {
      return overlap(parseNetwork(network), range)
    } catch (error) {
      if (error instanceof StorageError) return false
      throw error
    }
  })
}
