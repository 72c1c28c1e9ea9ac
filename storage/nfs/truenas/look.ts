import {
  type Accounts,
  filesystemAt,
  findAccounts,
  type FoundFilesystem,
  listNfsShares,
  type NfsShare,
  nfsConfig,
  type TrueNasApi,
} from "../../nas/truenas/index.js"
import type { NfsExport } from "../export.js"
import type { ShareFacts } from "./active.js"
import { isBelowMnt } from "./refusals.js"
import { type ShareTable, sortShares } from "./table.js"

/** All shares, and what decides whether and how TrueNAS exports them. */
export async function lookAtShares(
  api: TrueNasApi,
  owner: string,
): Promise<{ table: ShareTable; facts: ShareFacts }> {
  const shares = await listNfsShares(api)
  const [config, accounts, filesystems] = await Promise.all([
    nfsConfig(api),
    accountsFor(api, [], shares),
    filesystemsAt(
      api,
      shares.map(({ path }) => path),
    ),
  ])
  return { table: sortShares(owner, shares), facts: { config, accounts, filesystems } }
}

/** Those that are meant by the exports' numbers, and by the shares' names. */
export async function accountsFor(
  api: TrueNasApi,
  wanted: readonly NfsExport[],
  shares: readonly NfsShare[],
): Promise<Accounts> {
  const squashes = wanted.flatMap(({ clients }) => clients.flatMap(({ squash }) => squash ?? []))
  const users = shares.flatMap(({ mapall_user: all, maproot_user: root }) => [all, root])
  const groups = shares.flatMap(({ mapall_group: all, maproot_group: root }) => [all, root])
  return findAccounts(
    api,
    new Set([...squashes.map(({ uid }) => uid), ...users.filter((name) => name !== null)]),
    new Set([...squashes.map(({ gid }) => gid), ...groups.filter((name) => name !== null)]),
  )
}

/** By path; undefined where TrueNAS has no such directory. Paths outside `/mnt` are not asked for, and not in it. */
export async function filesystemsAt(
  api: TrueNasApi,
  paths: readonly string[],
): Promise<ReadonlyMap<string, FoundFilesystem | undefined>> {
  const asked = [...new Set(paths)].filter(isBelowMnt)
  const found = await Promise.all(asked.map((path) => filesystemAt(api, path)))
  return new Map(asked.map((path, at) => [path, found[at]]))
}
