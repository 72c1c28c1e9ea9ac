import type { NfsShare } from "../../nas/truenas/index.js"
import { canonicalClient, type NfsExport } from "../export.js"
import type { ShareContent, ShareSquash } from "./marker.js"

/** One change of TrueNAS' table of shares. */
export type ShareStep =
  | { readonly kind: "delete"; readonly id: number; readonly path: string }
  | { readonly kind: "update"; readonly id: number; readonly to: ShareContent }
  | { readonly kind: "create"; readonly to: ShareContent }

/** A share that is ours to change, as it is. */
export interface OwnShare {
  readonly share: NfsShare
  readonly content: ShareContent
  /** It is not as it was written: every field is written anew. */
  readonly touched: boolean
}

/** What a share says to all its clients alike. */
type Group = Pick<ShareContent, "path" | "access" | "squash"> & { readonly rest: Set<string> }

/** The names that a user and a group with these numbers have, or had when a share was written. Throws where there are none. */
export type NamesOf = (squash: { readonly uid: number; readonly gid: number }) => ShareSquash

/**
 * From what is there to what is wanted, with what is taken from clients first, so that no two shares of one path ever have an
 * address in common, which TrueNAS refuses, and stopping anywhere leaves nobody with more than is wanted. A client whose access does not
 * change stays in the share that it is in.
 */
export function planSteps(
  own: readonly OwnShare[],
  wanted: readonly NfsExport[],
  namesOf: NamesOf,
  mostNetworks: number,
): ShareStep[] {
  const groups = wanted.flatMap((one) => groupsOf(one, namesOf))
  const targets = matched(own, groups, mostNetworks)
  const taken: ShareStep[] = []
  const given: ShareStep[] = []
  for (const { share, content, touched } of own) {
    const target = targets.get(share.id)
    if (target === undefined) {
      taken.push({ kind: "delete", id: share.id, path: share.path })
      continue
    }
    const { group, kept } = target
    const access = content.access === "readOnly" ? content.access : group.access
    const narrowed = { ...content, networks: kept, access }
    const more = takeFrom(group.rest, mostNetworks - kept.length)
    const { path, squash } = group
    const final = { path, networks: [...kept, ...more].sort(), access: group.access, squash }
    if (touched || !isSame(narrowed, content)) taken.push({ kind: "update", id: share.id, to: narrowed })
    if (!isSame(final, narrowed)) given.push({ kind: "update", id: share.id, to: final })
  }
  for (const { path, access, squash, rest } of groups) {
    while (rest.size > 0) {
      given.push({ kind: "create", to: { path, networks: takeFrom(rest, mostNetworks), access, squash } })
    }
  }
  return [...taken, ...given]
}

/** The clients of an export by what is said to them: each group needs a share of its own. */
function groupsOf({ path, clients }: NfsExport, namesOf: NamesOf): Group[] {
  const groups = new Map<string, Group>()
  for (const { network, access, squash } of clients) {
    const key = `${access} ${squash === undefined ? "" : `${squash.uid}.${squash.gid}`}`
    const group = groups.get(key) ?? {
      path,
      access,
      squash: squash === undefined ? undefined : namesOf(squash),
      rest: new Set(),
    }
    group.rest.add(canonicalClient(network))
    groups.set(key, group)
  }
  return [...groups.values()].map((group) => ({ ...group, rest: new Set([...group.rest].sort()) }))
}

/** Which share goes on for which group, with which of its clients. Takes these out of what is left of the group. */
function matched(
  own: readonly OwnShare[],
  groups: readonly Group[],
  mostNetworks: number,
): Map<number, { group: Group; kept: string[] }> {
  const targets = new Map<number, { group: Group; kept: string[] }>()
  for (const alike of [true, false]) {
    for (const { share, content } of own) {
      if (targets.has(share.id)) continue
      const group = groups.find(
        (one) =>
          one.path === content.path &&
          isAlike(one, content) === alike &&
          content.networks.some((network) => one.rest.has(network)),
      )
      if (group === undefined) continue
      const kept = content.networks.filter((network) => group.rest.has(network)).slice(0, mostNetworks)
      for (const network of kept) group.rest.delete(network)
      targets.set(share.id, { group, kept })
    }
  }
  return targets
}

function isAlike(one: Omit<ShareContent, "networks">, other: Omit<ShareContent, "networks">): boolean {
  const names = ({ squash }: Omit<ShareContent, "networks">): unknown =>
    squash === undefined ? null : [squash.uid, squash.gid, squash.user, squash.group]
  return one.access === other.access && JSON.stringify(names(one)) === JSON.stringify(names(other))
}

function isSame(one: ShareContent, other: ShareContent): boolean {
  return isAlike(one, other) && one.networks.join(" ") === other.networks.join(" ")
}

function takeFrom(rest: Set<string>, most: number): string[] {
  const taken = [...rest].slice(0, Math.max(0, most))
  for (const network of taken) rest.delete(network)
  return taken
}
