import { isIPv4 } from "node:net"
import { StorageError } from "../../errors.js"
import type { NfsRule } from "../../nas/synology/index.js"
import { formatNetwork, parseAddress } from "../../network.js"
import { settingsWith } from "../compare.js"
import { canonicalClient, type NfsClient } from "../export.js"
import { isNetgroup } from "../netgroup.js"

// An NFS rule of DSM's and a client of an export say the same in different words (reference nas-platforms.md §3.3).

/** What DSM's rules say something about. It knows no mountpoint=, no fsid=, and writes no_subtree_check itself. */
export const synologySettings = settingsWith("sync", "crossing")

const ADMIN = { uid: 1024, gid: 100 }
const GUEST = { uid: 1025, gid: 100 }

/** DSM's word for whom clients become, and what it writes for it. "root" is what others call no_root_squash. */
const squashes = {
  root: { root: false, all: false, becomes: GUEST },
  admin: { root: true, all: false, becomes: ADMIN },
  guest: { root: true, all: false, becomes: GUEST },
  all_admin: { root: true, all: true, becomes: ADMIN },
  all_guest: { root: true, all: true, becomes: GUEST },
} as const

export type SquashWord = keyof typeof squashes

/** Throws StorageError `unsupported` for a user whom DSM makes nobody. `path` is for its message. */
export function squashWord(path: string, squash: NfsClient["squash"]): SquashWord {
  if (squash === undefined) return "guest"
  for (const word of ["all_admin", "all_guest"] as const) {
    const { uid, gid } = squashes[word].becomes
    if (squash.uid === uid && squash.gid === gid) return word
  }
  throw new StorageError(
    "unsupported",
    `${path} cannot be exported by DSM: it cannot make every user of a client the user ${squash.uid} in the group ${squash.gid}`,
    {
      facts: { path, uid: squash.uid, gid: squash.gid },
      hint: "Declare squash: { uid: 1024, gid: 100 }, which is DSM's admin, or { uid: 1025, gid: 100 }, its guest.",
    },
  )
}

/** The rule for one client of an exported directory. Throws as squashWord does. */
export function ruleOf(path: string, client: NfsClient, crossMounts: boolean): NfsRule {
  if (isNetgroup(client.network)) throw noNetgroups(path, client.network)
  return {
    client: canonicalClient(client.network),
    privilege: client.access === "readWrite" ? "rw" : "ro",
    squash: squashWord(path, client.squash),
    // DSM's own default is on: a crash of the NAS would roll a repository back.
    async: false,
    insecure: false,
    crossMounts,
    security: ["sys"],
  }
}

/** The StorageError for a client that no rule of DSM's can name. */
export function noNetgroups(path: string, netgroup: string): StorageError {
  return new StorageError(
    "unsupported",
    `${path} cannot be exported by DSM: it knows no netgroups (${netgroup})`,
    {
      facts: { path },
      hint: "Name hosts or networks instead.",
    },
  )
}

/** A rule in the words of exports(5). What DSM did not say, or said in a word that nobody knows, has none. */
export function optionsOfRule(rule: NfsRule): string[] {
  const { privilege, squash, async: asynchronous, insecure, crossMounts, security } = rule
  const meaning = Object.hasOwn(squashes, squash) ? squashes[squash as SquashWord] : undefined
  return [
    privilege,
    ...(asynchronous === undefined ? [] : [asynchronous ? "async" : "sync"]),
    ...(insecure === undefined ? [] : [insecure ? "insecure" : "secure"]),
    ...(meaning === undefined
      ? []
      : [
          meaning.root ? "root_squash" : "no_root_squash",
          meaning.all ? "all_squash" : "no_all_squash",
          `anonuid=${meaning.becomes.uid}`,
          `anongid=${meaning.becomes.gid}`,
        ]),
    `sec=${security.join(":")}`,
    ...(crossMounts === true ? ["crossmnt"] : []),
  ]
}

/** The network of a rule's client in its one spelling; undefined for names, patterns and everybody. */
export function networkOfRule({ client }: Pick<NfsRule, "client">): string | undefined {
  const [, address = "", mask] = /^([^/]+)(?:\/([^/]+))?$/.exec(client) ?? []
  const parsed = parseAddress(address)
  if (parsed === undefined) return undefined
  if (mask === undefined)
    return formatNetwork({ family: parsed.family, first: parsed.value, last: parsed.value })
  const prefix = isIPv4(mask) ? prefixOf(mask) : mask
  try {
    return prefix === undefined ? undefined : canonicalClient(`${address}/${prefix}`)
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

/** Of 255.255.0.0: 16. */
function prefixOf(mask: string): number | undefined {
  const bits = (parseAddress(mask)?.value ?? 0n).toString(2).padStart(32, "0")
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined
}
