import type { NfsClient } from "../export.js"

// The bits of DisplayExport (nfs_exports.h: EXPORT_OPTION_*), the same from 4.0 to 6.2. A bit counts only where its `set` is on:
// else the export's own permissions decide, which no call tells.
const ROOT_SQUASH = 0x2
const ALL_SQUASH = 0x4
const SQUASH = 0x7
const ANONYMOUS_UID = 0x8
const ANONYMOUS_GID = 0x10
const READ = 0x20 | 0x80
const MODIFY = 0x40 | 0x100
const ACCESS = READ | MODIFY
const PRIVILEGED_PORT = 0x200
const COMMIT = 0x400
const SECURITY = { none: 0x1000, sys: 0x2000, krb5: 0x4000, krb5i: 0x8000, krb5p: 0x10000 } as const
const ANY_SECURITY = 0x1f000
const NFS4 = 0x200000
const PROTOCOLS = 0x700000
const TCP = 0x2000000
const TRANSPORTS = 0x7000000
const DELEGATIONS = 0x30000000
const MANAGE_GIDS = 0x40000000
/** What we say of every client. */
const SAID =
  SQUASH |
  ANONYMOUS_UID |
  ANONYMOUS_GID |
  ACCESS |
  PRIVILEGED_PORT |
  COMMIT |
  ANY_SECURITY |
  PROTOCOLS |
  TRANSPORTS |
  DELEGATIONS |
  MANAGE_GIDS
/** The rest of SAID is values of their own. */
const VALUES = SAID & ~(ANONYMOUS_UID | ANONYMOUS_GID)

/** What a client may do, as Ganesha tells it. */
export interface GaneshaPermissions {
  readonly options: number
  readonly set: number
  readonly uid: number
  readonly gid: number
}

/** Whether it is told that the client may do nothing at all. */
export function admitsNobody({ options, set }: GaneshaPermissions): boolean {
  return (set & ACCESS) === ACCESS && (options & ACCESS) === 0
}

/** In the words of exports(5); what is not told is not said. */
export function wordsOf({ options, set, uid, gid }: GaneshaPermissions): string[] {
  const words: string[] = []
  if ((set & ACCESS) === ACCESS) words.push((options & MODIFY) === 0 ? "ro" : "rw")
  if ((set & PRIVILEGED_PORT) !== 0) words.push((options & PRIVILEGED_PORT) === 0 ? "insecure" : "secure")
  if ((set & SQUASH) === SQUASH) words.push(...squashWords(options))
  if ((set & ANONYMOUS_UID) !== 0) words.push(`anonuid=${uid}`)
  if ((set & ANONYMOUS_GID) !== 0) words.push(`anongid=${gid}`)
  if ((set & ANY_SECURITY) === ANY_SECURITY) {
    const flavors = Object.entries(SECURITY).filter(([, bit]) => (options & bit) !== 0)
    words.push(`sec=${flavors.map(([name]) => name).join(":")}`)
  }
  return words
}

function squashWords(options: number): string[] {
  if ((options & ALL_SQUASH) !== 0) return ["root_squash", "all_squash"]
  if ((options & ROOT_SQUASH) !== 0) return ["root_squash", "no_all_squash"]
  // Root's user id alone is squashed, for which exports(5) has no word.
  return (options & SQUASH) === 0 ? ["no_root_squash", "no_all_squash"] : ["no_all_squash"]
}

/** Whether these are exactly the permissions that a client block of ours says; undefined: of the one that admits nobody. */
export function isAsSaid(told: GaneshaPermissions, client: NfsClient | undefined): boolean {
  const access = client === undefined ? 0 : client.access === "readWrite" ? ACCESS : READ
  const squash = client?.squash === undefined ? ROOT_SQUASH : ALL_SQUASH
  const values = access | squash | PRIVILEGED_PORT | SECURITY.sys | NFS4 | TCP
  const { uid, gid } = client?.squash ?? told
  return (
    (told.set & SAID) === SAID && (told.options & VALUES) === values && told.uid === uid && told.gid === gid
  )
}
