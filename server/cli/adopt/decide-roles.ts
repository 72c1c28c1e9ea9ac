import type { RepositoryDraft } from "./proposal.js"

export interface Role {
  readonly decides: "restore" | "guard"
  readonly remarks: readonly string[]
}

/** Backups that are this much older than the newest ones are of a mover that was stopped. */
const FRESH_NS = 24n * 3_600_000_000_000n

/**
 * Who restores and who only guards, in the order of the drafts. A cluster's only repository restores. Of several, Kopia's restores
 * unless its newest backup is more than a day older than another's; what cannot be told restores only where there is nothing else.
 */
export function decideRoles(drafts: readonly RepositoryDraft[]): Role[] {
  const chosen = new Map<string, RepositoryDraft>()
  for (const cluster of new Set(drafts.map((draft) => draft.cluster))) {
    const own = drafts.filter((draft) => draft.cluster === cluster)
    const [only, ...others] = own
    const best = others.length === 0 ? only : bestOf(own)
    if (best !== undefined) chosen.set(cluster, best)
  }
  return drafts.map((draft) => {
    const best = chosen.get(draft.cluster)
    const several = drafts.filter(({ cluster }) => cluster === draft.cluster).length > 1
    const restores = best !== undefined && (draft === best || draft.family === best.family)
    const decides = restores ? "restore" : "guard"
    return { decides, remarks: several ? [remarkOn(draft, best, restores)] : [] }
  })
}

function bestOf(drafts: readonly RepositoryDraft[]): RepositoryDraft | undefined {
  const telling = drafts.filter((draft) => draft.telling)
  const sound = telling.filter(({ members }) =>
    members.some(({ error }) => error === undefined || isLocked(error)),
  )
  const candidates = sound.length > 0 ? sound : telling
  const newest = candidates.reduce((latest, draft) => max(latest, newestOf(draft) ?? 0n), 0n)
  const current = candidates.filter((draft) => (newestOf(draft) ?? newest) >= newest - FRESH_NS)
  return [...current].sort(
    (one, other) =>
      Number(other.engine === "kopia") - Number(one.engine === "kopia") ||
      compare(newestOf(other), newestOf(one)) ||
      (one.path < other.path ? -1 : 1),
  )[0]
}

/** Nothing is wrong with what nobody could look into. */
function isLocked({ code }: { readonly code: string }): boolean {
  return code === "password_missing" || code === "wrong_password"
}

/** Undefined where it is not certain: the time of a file may be that of a copy. */
function newestOf({ members }: RepositoryDraft): bigint | undefined {
  return members.reduce<bigint | undefined>(
    (latest, { newest, depth }) =>
      newest === undefined || depth !== "contents" ? latest : max(latest ?? newest, newest),
    undefined,
  )
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function compare(one: bigint | undefined, other: bigint | undefined): number {
  const [left, right] = [one ?? 0n, other ?? 0n]
  return left > right ? 1 : left < right ? -1 : 0
}

function remarkOn(draft: RepositoryDraft, best: RepositoryDraft | undefined, restores: boolean): string {
  if (restores) {
    const why =
      draft.engine === "kopia"
        ? "it is Kopia's, and nothing that could be read has newer backups"
        : "it has the newest backups that could be read"
    return `check: of this cluster's repositories this one restores, because ${why}; it must be the one that your movers restore from.`
  }
  if (best === undefined) return "check: nothing restores in this cluster until it is said what does."
  return "check: it only guards: a volume that has backups here and not where it is restored from is never fresh."
}
