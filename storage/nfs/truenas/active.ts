import type { Account, Accounts, FoundFilesystem, NfsConfig, NfsShare } from "../../nas/truenas/index.js"
import { settingsWith } from "../compare.js"
import type { ActiveExport } from "../etab.js"
import { spelled } from "./marker.js"

/** What decides what TrueNAS writes into its exports for a share, besides the share (reference nas-platforms.md §2.8). */
export interface ShareFacts {
  readonly config: NfsConfig
  readonly accounts: Accounts
  /** By path; undefined where there is no such directory. */
  readonly filesystems: ReadonlyMap<string, FoundFilesystem | undefined>
}

/** What TrueNAS tells of an export. It writes no other option, and leaves `sync` to be the default that it is. */
export const trueNasSettings = settingsWith("subtree")

/** Why TrueNAS leaves a share out of its exports, whoever its clients would become; undefined: it does not. */
export function shutBy({ enabled, locked, path }: NfsShare, { filesystems }: ShareFacts): string | undefined {
  if (!enabled) return "it is not enabled"
  // Only where it is told that it is not, TrueNAS writes it.
  if (locked !== false) return "its dataset is locked"
  return filesystems.get(path) === undefined ? "there is no such directory" : undefined
}

/** The same where users and groups are known to be asked for: a share with a name that nobody has is left out. */
export function omittedBy(share: NfsShare, facts: ShareFacts): string | undefined {
  const { mapall_user: user, mapall_group: group } = share
  const { users, groups } = facts.accounts
  if (user !== null && idOf(users, user) === undefined) return `there is no user ${user}`
  if (group !== null && idOf(groups, group) === undefined) return `there is no group ${group}`
  return shutBy(share, facts)
}

/** The exports of one share in the words of exports(5), one for each of its clients. */
export function activeOf(share: NfsShare, facts: ShareFacts): ActiveExport[] {
  const clients = [...share.hosts, ...share.networks.map(spelled)]
  const options = optionsOf(share, facts)
  // A share without any client is for everybody.
  return (clients.length === 0 ? ["*"] : clients).map((client) => ({ path: share.path, client, options }))
}

function optionsOf(share: NfsShare, { config, accounts, filesystems }: ShareFacts): string[] {
  const all = share.mapall_user !== null
  const user = all ? share.mapall_user : share.maproot_user
  const group = all ? share.mapall_group : share.maproot_group
  const [uid, gid] = [idOf(accounts.users, user), idOf(accounts.groups, group)]
  return [
    share.ro ? "ro" : "rw",
    filesystems.get(share.path)?.mountPoint === share.path ? "no_subtree_check" : "subtree_check",
    config.allow_nonroot ? "insecure" : "secure",
    !all && uid === 0 && gid === 0 ? "no_root_squash" : "root_squash",
    all ? "all_squash" : "no_all_squash",
    ...(uid === undefined ? [] : [`anonuid=${uid}`]),
    ...(gid === undefined ? [] : [`anongid=${gid}`]),
    `sec=${securityOf(share, config)}`,
  ]
}

/** What a share does not say, the service says for all. */
function securityOf(
  { security }: NfsShare,
  { protocols, v4_krb: only, v4_krb_enabled: also }: NfsConfig,
): string {
  if (security.length > 0) return security.join(":").toLowerCase()
  if (!protocols.includes("NFSV4") || !also) return "sys"
  return only ? "krb5:krb5i:krb5p" : "sys:krb5:krb5i:krb5p"
}

function idOf(accounts: readonly Account[], name: string | null): number | undefined {
  return accounts.find((account) => account.name === name)?.id
}
