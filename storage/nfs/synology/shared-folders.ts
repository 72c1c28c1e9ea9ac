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
  /** What of `held` is to be replaced by what is wanted. */
  readonly taken: readonly NfsRule[]
}

/** What exports mean to DSM: rules, and why it cannot have some of them. */
export interface WantedRules {
  readonly rules: readonly OwnRule[]
  readonly refused: readonly { readonly one: NfsExport; readonly why: StorageError }[]
}

/** Where NFS exports can be: on the NAS's own volumes. */
export function onVolumes(shares: readonly Share[]): readonly Share[] {
  return shares.filter(({ volume }) => /^\/volume\d+$/.test(volume))
}

/**
 * The shared folder that an exported directory is. DSM's rules are for whole shared folders: one for a directory in it would let
 * its clients mount everything beside that directory too, and withdrawing a second directory there would withdraw nothing. So only
 * the folder itself can be exported. Throws StorageError `unsupported` for anything else.
 */
export function shareAt<S extends Pick<Share, "volume" | "name">>(shares: readonly S[], path: string): S {
  const share = shares.find((one) => isAround(pathOf(one), path))
  if (share === undefined) {
    throw new StorageError("unsupported", `${path} cannot be exported by DSM: it is in no shared folder`, {
      facts: { path },
      hint: "Make a shared folder in Control Panel > Shared Folder, and a store of it.",
    })
  }
  const whole = pathOf(share)
  if (whole === path) return share
  throw new StorageError(
    "unsupported",
    `${path} cannot be exported by DSM: its NFS rules are for the whole shared folder ${whole}`,
    {
      facts: { path, share: share.name },
      hint: `Export ${whole} itself (leave \`path\` out where that is the store): clients mount directories in it all the same. What other clients must not reach belongs into a shared folder of its own.`,
    },
  )
}

/** The rules that stand for exports. Throws StorageError `invalid` for what must not be exported by any server. */
export function rulesOf(exports: readonly NfsExport[], shares: readonly Share[]): WantedRules {
  checkExports(exports)
  const rules: OwnRule[] = []
  const refused: { one: NfsExport; why: StorageError }[] = []
  for (const one of exports) {
    try {
      const { name, uuid } = shareAt(shares, one.path)
      const own = one.clients.map((client) => ruleOf(one.path, client, one.crossMounts))
      rules.push(...own.map((rule) => ({ share: name, uuid, rule })))
    } catch (why) {
      if (!(why instanceof StorageError)) throw why
      refused.push({ one, why })
    }
  }
  return { rules, refused }
}

/** Those of `rules` that are for a shared folder. A folder that was renamed is the same; one that was made anew is not. */
export function rulesFor({ name, uuid }: Share, rules: readonly OwnRule[]): NfsRule[] {
  return rules
    .filter((own) => (own.uuid === undefined || uuid === undefined ? own.share === name : own.uuid === uuid))
    .map(({ rule }) => rule)
}

/** What becomes of a folder; `replace`: also rules that are disputed are replaced. */
export function folderOf(found: Omit<Folder, "taken">, replace: boolean): Folder {
  const { held, mine } = found
  const taken = [...claimedOf(held, mine), ...(replace ? disputedOf(held, found) : [])]
  return { ...found, taken: taken.map(({ rule }) => rule) }
}

/** What was ours or is replaced, and is no longer wanted. */
export function withdrawnOf({ own, taken, wanted }: Folder): NfsRule[] {
  const needed = networksOf(wanted)
  return [...own, ...taken].filter((rule) => !needed.has(whoOf(rule)))
}

/** Whether a rule of ours is no longer as it was applied. One that is gone is not one that was changed. */
export function isChanged(folder: Folder): boolean {
  return changedIn(folder).length > 0
}

/** Throws StorageError `invalid` where a rule of ours was changed by hand. */
export function refuseChanged(folder: Folder): void {
  const [changed] = changedIn(folder)
  if (changed === undefined) return
  throw new StorageError(
    "invalid",
    `the NFS rule of ${pathOf(folder.share)} for ${changed.rule.client} was changed by hand`,
    {
      facts: { share: folder.share.name, client: changed.rule.client },
      hint: `Look at it in ${DIALOG}. Declare what is meant, then use \`cistern exports apply --replace\`.`,
    },
  )
}

/** Throws StorageError `unsupported` where somebody else has a rule for a client that is wanted, and it is not to be replaced. */
export function refuseForeign(folder: Folder): void {
  const { share, held, taken } = folder
  const foreign = disputedOf(held, folder).find(({ rule }) => !taken.includes(rule))
  if (foreign === undefined) return
  const { client } = foreign.rule
  throw new StorageError(
    "unsupported",
    `${pathOf(share)} has an NFS rule for ${client} that is not Cistern's`,
    {
      facts: { share: share.name, client },
      hint: `Remove it in ${DIALOG}, or have Cistern take it over: \`cistern exports apply --replace\`.`,
    },
  )
}

const DIALOG = "Control Panel > Shared Folder > Edit > NFS Permissions"

function changedIn({ held, own, mine }: Folder): readonly HeldRule[] {
  return disputedOf(held, { own, mine, wanted: [] })
}

/** The folder's line of exports(5) with these rules, in the words that DSM has; none without any. */
export function lineOf({ share }: Folder, rules: readonly NfsRule[]): string[] {
  const fields = rules.map((rule) => `${whoOf(rule)}(${optionsOfRule(rule).join(",")})`)
  return rules.length === 0 ? [] : [[escapedPath(pathOf(share)), ...fields.sort()].join(" ")]
}
