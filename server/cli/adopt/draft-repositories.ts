import { type ConventionGuess, guessConventions, whyInexpressible } from "../../../storage/survey/index.js"
import { kopiaDraft } from "./draft-kopia.js"
import { resticDrafts } from "./draft-restic.js"
import { type Drafting, leftOut, type Placed } from "./drafting.js"
import { isHalfMade } from "./half-made.js"
import type { AdoptNotice, RepositoryDraft } from "./proposal.js"

export interface Drafts {
  readonly drafts: readonly RepositoryDraft[]
  /** Namespaces that were seen, by cluster. */
  readonly namespaces: ReadonlyMap<string, ReadonlySet<string>>
  readonly notices: readonly AdoptNotice[]
}

/** Makes entries of repositories: Kopia's one each, restic's by the templates that explain their directories. */
export function draftRepositories(placed: readonly Placed[], drafting: Drafting): Drafts {
  const notices: AdoptNotice[] = []
  const drafts: RepositoryDraft[] = []
  const guesses = new Map(
    placed
      .filter(({ contents }) => contents.engine === "kopia")
      .map((one) => [one, guessConventions(one.contents.identities)]),
  )
  for (const [one, guess] of guesses) {
    if (isHalfMade(one.contents)) continue
    const why = whyInexpressible(one.path)
    if (why === undefined) drafts.push(kopiaDraft(one, guess, drafting, notices))
    else notices.push(leftOut(one.contents, why))
  }
  for (const cluster of new Set(placed.map((one) => one.cluster))) {
    const volumes = [...guesses].flatMap(([one, guess]) => (one.cluster === cluster ? guess.volumes : []))
    for (const store of new Set(placed.map((one) => one.store))) {
      const restic = placed.filter(
        (one) => one.cluster === cluster && one.store === store && one.contents.engine === "restic",
      )
      // Also other clusters' of the same store: no two places may lie in one another.
      const taken = drafts.filter((draft) => draft.store === store).map(({ path }) => path)
      drafts.push(...resticDrafts(restic, volumes, taken, drafting, notices))
    }
  }
  return { drafts, namespaces: namespacesOf(drafts, guesses), notices }
}

function namespacesOf(
  drafts: readonly RepositoryDraft[],
  guesses: ReadonlyMap<Placed, ConventionGuess>,
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const add = (cluster: string, namespace: string): void => {
    found.set(cluster, (found.get(cluster) ?? new Set()).add(namespace))
  }
  for (const [{ cluster }, { volumes }] of guesses)
    for (const volume of volumes) add(cluster, volume.namespace)
  for (const { cluster, path, members, namespaceOf } of drafts) {
    for (const namespace of Object.values(namespaceOf)) add(cluster, namespace)
    const at = path.split("/").indexOf("{namespace}")
    if (at < 0) continue
    for (const member of members) {
      const segments = member.path.split("/")
      const namespace = segments.at(at - path.split("/").length)
      if (namespace !== undefined) add(cluster, namespace)
    }
  }
  return found
}
