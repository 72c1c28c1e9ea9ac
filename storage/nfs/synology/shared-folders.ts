import { StorageError } from "../../errors.js"
import { type HeldRule, type NfsRule, pathOf, type Share } from "../../nas/synology/index.js"
import { checkExports, isAround, type NfsExport } from "../export.js"
import { escapedPath } from "../exports-file.js"
import type { OwnRule } from "./own-rules.js"
import { claimedOf, disputedOf, networksOf, whoOf } from "./rule-list.js"
import { optionsOfRule, ruleOf } from "./rules.js"

/** A shared folder of DSM's that exports are changed in: what is there, what of it is ours, and what should be. */
export interface Folder {
  readonly share: Share
  /** As they were when we looked. */
  readonly held: readonly HeldRule[]
  /** Ours, as they were applied last. */
  readonly own: readonly NfsRule[]
  /** These and what else may be ours, there or not. */
  readonly mine: readonly NfsRule[]
  readonly wanted: readonly NfsRule[]
}

/** Where NFS exports can be: on the NAS's own volumes. */
export function onVolumes(shares: readonly Share[]): readonly Share[] {
  return shares.filter(({ volume }) => /^\/volume\d+$/.test(volume))
}

/**
 * The shared folder that an exported directory is. DSM's rules are for whole shared folders: one for a directory in it would let
 * its clients mount everything beside that directory too, and withdrawing a second directory there would withdraw nothing. So only
 * the folder itself can be exported. Throws StorageError `invalid` for anything else.
 */
export function shareAt<S extends Pick<Share, "volume" | "name">>(shares: readonly S[], path: string): S {
  const share = shares.find((one) => isAround(pathOf(one), path))
  if (share === undefined) {
    throw new StorageError("invalid", `${path} cannot be exported by DSM: it is in no shared folder`, {
      facts: { path },
      hint: "Make a shared folder in Control Panel > Shared Folder, and a store of it.",
    })
  }
  const whole = pathOf(share)
  if (whole === path) return share
  throw new StorageError(
    "invalid",
    `${path} cannot be exported by DSM: its NFS rules are for the whole shared folder ${whole}`,
    {
      facts: { path, share: share.name },
      hint: `Export ${whole} itself (leave \`path\` out where that is the store): clients mount directories in it all the same. What other clients must not reach belongs into a shared folder of its own.`,
    },
  )
}

/** The rules that stand for exports, with their shared folders. Throws StorageError `invalid` for what DSM cannot export so. */
export function rulesOf(exports: readonly NfsExport[], shares: readonly Share[]): OwnRule[] {
  checkExports(exports)
  return exports.flatMap(({ path, clients, crossMounts }) => {
    const { name, uuid } = shareAt(shares, path)
    return clients.map((client) => ({ share: name, uuid, rule: ruleOf(path, client, crossMounts) }))
  })
}

/** Those of `rules` that are for a shared folder. A folder that was renamed is the same; one that was made anew is not. */
export function rulesFor({ name, uuid }: Share, rules: readonly OwnRule[]): NfsRule[] {
  return rules
    .filter((own) => (own.uuid === undefined || uuid === undefined ? own.share === name : own.uuid === uuid))
    .map(({ rule }) => rule)
}

/** Whether a rule of ours is no longer as it was applied. One that is gone is not one that was changed. */
export function isChanged({ held, own, mine }: Folder): boolean {
  return disputedOf(held, { own, mine, wanted: [] }).length > 0
}

/** Throws StorageError `invalid` where a rule of ours was changed by hand, or where somebody else has one for the same client. */
export function refuseDisputed(folder: Folder): void {
  const { share, held, own } = folder
  const [disputed] = disputedOf(held, folder)
  if (disputed === undefined) return
  const { client } = disputed.rule
  const ours = networksOf(own).has(whoOf(disputed.rule)) && isChanged(folder)
  throw new StorageError(
    "invalid",
    ours
      ? `the NFS rule of ${pathOf(share)} for ${client} was changed by hand`
      : `${pathOf(share)} has an NFS rule for ${client} that is not Cistern's`,
    {
      facts: { share: share.name, client },
      hint: "Look at it in Control Panel > Shared Folder > Edit > NFS Permissions. Declare what is meant, then use `cistern exports apply --replace`.",
    },
  )
}

/** What is replaced: what is there and ours, and what is disputed, where that was agreed to. */
export function oursOf(folder: Folder): NfsRule[] {
  const { held, mine } = folder
  return [...claimedOf(held, mine), ...disputedOf(held, folder)].map(({ rule }) => rule)
}

/** The folder's line of exports(5) with these rules, in the words that DSM has; none without any. */
export function lineOf({ share }: Folder, rules: readonly NfsRule[]): string[] {
  const fields = rules.map((rule) => `${whoOf(rule)}(${optionsOfRule(rule).join(",")})`)
  return rules.length === 0 ? [] : [[escapedPath(pathOf(share)), ...fields.sort()].join(" ")]
}
