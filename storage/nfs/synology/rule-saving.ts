import { StorageError } from "../../errors.js"
import {
  type DsmClient,
  type HeldRule,
  loadNfsRules,
  type NfsRule,
  pathOf,
  saveNfsRules,
  type Share,
} from "../../nas/synology/index.js"
import { claimedOf, mergedList, missingIn, networksOf, sameList, whoOf } from "./rule-list.js"
import type { Folder } from "./shared-folders.js"
import { optionsOfRule } from "./rules.js"

/** DSM is known to say yes to a list and to lose it while other shared folders change. */
const MOST_SAVES = 3

/**
 * Has a shared folder hold `wanted` in place of `ours`, and gives its rules as DSM gives them then. Where they are so already nothing
 * is saved. Throws StorageError `unsupported` where DSM did not take it, and as DsmClient.call does.
 */
export async function holdRules(
  dsm: DsmClient,
  share: Share,
  ours: readonly NfsRule[],
  wanted: readonly NfsRule[],
): Promise<readonly HeldRule[]> {
  const first = await loadNfsRules(dsm, share.name)
  let held = first
  for (let saves = 0; ; saves++) {
    // Also what DSM made of a rule of ours.
    const coming = addedTo(first, held, networksOf(ours))
    const claimed = new Set([...claimedOf(held, ours), ...coming])
    const list = mergedList(held, claimed, wanted)
    if (sameList(list, held)) return held
    if (saves === MOST_SAVES) throw notTaken(share, differenceOf(share, list, held))
    if (saves > 0) await dsm.pause(saves)
    await saveNfsRules(dsm, share.name, list)
    const now = await loadNfsRules(dsm, share.name)
    const [lost] = missingIn(
      held.filter((one) => !claimed.has(one)),
      now,
    )
    if (lost !== undefined) {
      throw notTaken(share, `${pathOf(share)} lost its rule for ${lost.rule.client}, which is not Cistern's`)
    }
    held = now
  }
}

/**
 * Puts back the list that a folder held when we looked, with of ours only what is in `left`. What somebody else added in the
 * meantime is kept. Throws as holdRules does.
 */
export async function restoreRules(dsm: DsmClient, folder: Folder, left: readonly NfsRule[]): Promise<void> {
  const { share, held, mine, wanted } = folder
  const now = await loadNfsRules(dsm, share.name)
  const ours = new Set(addedTo(held, now, networksOf([...mine, ...wanted])))
  const others = missingIn(now, held).filter((one) => !ours.has(one))
  const claimed = claimedOf(held, mine)
  const there = networksOf([...claimed].map(({ rule }) => rule))
  const back = left.filter((rule) => there.has(whoOf(rule)))
  const list = [...mergedList(held, claimed, back), ...others]
  if (sameList(list, now)) return
  await saveNfsRules(dsm, share.name, list)
  const after = await loadNfsRules(dsm, share.name)
  if (!sameList(list, after)) throw notTaken(share, differenceOf(share, list, after))
}

/** What `now` holds for these clients and `before` did not. */
function addedTo(
  before: readonly HeldRule[],
  now: readonly HeldRule[],
  clients: ReadonlySet<string>,
): readonly HeldRule[] {
  return missingIn(now, before).filter(({ rule }) => clients.has(whoOf(rule)))
}

export function notTaken(share: Share, what: string): StorageError {
  return new StorageError("unsupported", `DSM did not take it: ${what}`, {
    facts: { share: share.name },
    hint: "What is named here has to change first.",
  })
}

function differenceOf(share: Share, list: readonly HeldRule[], held: readonly HeldRule[]): string {
  return `${pathOf(share)} has ${wordsOf(missingIn(held, list))} instead of ${wordsOf(missingIn(list, held))}`
}

function wordsOf(rules: readonly HeldRule[]): string {
  if (rules.length === 0) return "nothing"
  return rules.map(({ rule }) => `${rule.client}(${optionsOfRule(rule).join(",")})`).join(" ")
}
