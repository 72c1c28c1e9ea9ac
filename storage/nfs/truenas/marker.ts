import { createHash } from "node:crypto"
import type { NfsShare, NfsShareFields } from "../../nas/truenas/index.js"
import { canonicalClient, type NfsClient } from "../export.js"

// Whoever finds the share must be able to tell whose it is, and whether it is still what was written. The comment is all the room
// that TrueNAS has for it: 120 characters. It also tells the numbers of the user whose name the share has, which may be another's later.
const MARKER =
  /^cistern:([0-9a-f]{16}):(?:(\d{1,10})\.(\d{1,10})|-):([0-9a-f]{32}) Made by Cistern: do not edit\.$/

/** What a share of ours says, as far as it is ours to say. */
export interface ShareContent {
  readonly path: string
  /** In their one spelling, sorted. */
  readonly networks: readonly string[]
  readonly access: NfsClient["access"]
  readonly squash: ShareSquash | undefined
}

/** Whom everybody becomes: the names that TrueNAS keeps, and the numbers that were meant. */
export interface ShareSquash {
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
}

/** Whether the share calls itself `owner`'s, however it looks now. */
export function isOwn(owner: string, { comment }: NfsShare): boolean {
  return comment.startsWith(`cistern:${owner}:`)
}

/** Every field of a share with this content. There is always a client: without one it would be for everybody. */
export function fieldsOf(owner: string, content: ShareContent): NfsShareFields {
  const { path, networks, access, squash } = content
  if (networks.length === 0) throw new Error("a share without clients is exported to everybody")
  const fields = {
    path,
    networks: [...networks],
    hosts: [],
    ro: access === "readOnly",
    maproot_user: null,
    maproot_group: null,
    mapall_user: squash?.user ?? null,
    mapall_group: squash?.group ?? null,
    security: ["SYS"],
    enabled: true,
  }
  return { comment: markerOf(owner, fields, squash), ...fields }
}

/** What a share of `owner` says; undefined where it is not as it was written. */
export function contentOf(owner: string, share: NfsShare): ShareContent | undefined {
  const [, writer, uid, gid] = MARKER.exec(share.comment) ?? []
  if (writer !== owner) return undefined
  const ids = uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
  if (markerOf(owner, share, ids) !== share.comment) return undefined
  const { path, ro, mapall_user: user, mapall_group: group } = share
  return {
    path,
    networks: share.networks.map(spelled).sort(),
    access: ro ? "readOnly" : "readWrite",
    squash: ids === undefined || user === null || group === null ? undefined : { ...ids, user, group },
  }
}

function markerOf(
  owner: string,
  share: Omit<NfsShareFields, "comment">,
  ids: { readonly uid: number; readonly gid: number } | undefined,
): string {
  const who = ids === undefined ? "-" : `${ids.uid}.${ids.gid}`
  // TrueNAS may spell a network otherwise than it was told it.
  const said = [
    ...[owner, who, share.path, share.networks.map(spelled).sort(), share.hosts, share.ro],
    ...[share.maproot_user, share.maproot_group, share.mapall_user, share.mapall_group],
    ...[share.security, share.enabled],
  ]
  const digest = createHash("sha256").update(JSON.stringify(said)).digest("hex").slice(0, 32)
  return `cistern:${owner}:${who}:${digest} Made by Cistern: do not edit.`
}

/** A network in its one spelling; anything else as it is. */
export function spelled(network: string): string {
  try {
    return canonicalClient(network)
  } catch {
    return network
  }
}
