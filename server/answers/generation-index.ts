import { type KopiaIdentity, SourceIndex } from "../../storage/identity/index.js"
import type { Snapshot } from "../../storage/index.js"
import type { Generation, IdentitySummary } from "../catalog/index.js"
import type { FleetRepository } from "./fleet.js"

/** What is worked out once per generation, so that an answer costs the same in a large repository as in a small one. */
export interface GenerationIndex {
  /** Kopia: by `user@host`, all its paths; restic: everything under "". */
  readonly bySource: ReadonlyMap<string, readonly IdentitySummary[]>
  readonly sources: SourceIndex | undefined
  /** Unix ms of the oldest complete snapshot of anything in it. */
  readonly oldestComplete: bigint | undefined
}

const indexes = new WeakMap<Generation, Map<FleetRepository, GenerationIndex>>()

/** The index of a generation under one declaration; made when first asked for. */
export function indexOf(generation: Generation, repository: FleetRepository): GenerationIndex {
  let byRepository = indexes.get(generation)
  if (byRepository === undefined)
    indexes.set(generation, (byRepository = new Map<FleetRepository, GenerationIndex>()))
  let index = byRepository.get(repository)
  if (index === undefined) byRepository.set(repository, (index = buildIndex(generation, repository)))
  return index
}

function buildIndex(generation: Generation, { naming }: FleetRepository): GenerationIndex {
  const bySource = new Map<string, IdentitySummary[]>()
  const identities: KopiaIdentity[] = []
  let oldestComplete: bigint | undefined
  for (const summary of generation.identities.values()) {
    const { user, host, paths } = summary.source
    const key = naming === undefined ? "" : sourceKey(user, host)
    const there = bySource.get(key)
    if (there === undefined) bySource.set(key, [summary])
    else there.push(summary)
    identities.push({ user, host, path: paths[0] ?? "" })
    const start = summary.oldestComplete?.start
    if (start !== undefined && (oldestComplete === undefined || start < oldestComplete))
      oldestComplete = start
  }
  return { bySource, oldestComplete, sources: naming && new SourceIndex(identities, naming) }
}

export function sourceKey(user: string, host: string): string {
  return `${user}@${host}`
}

/** The snapshots that any pick could be among: of every path of this user and host, those of its last second. */
export function newestOf(summaries: readonly IdentitySummary[]): Snapshot[] {
  return summaries.flatMap(({ newest }) => newest)
}
