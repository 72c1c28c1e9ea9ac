import { type VolumeName } from "../../storage/identity/index.js"
import type { Clock, Moment, PlaceSpec, PlaceView } from "../catalog/index.js"
import {
  type ClusterFact,
  decide,
  type Decision,
  type DecisionFacts,
  type FreshOnceFact,
  type RepositoryFacts,
  type RestoreFact,
  type StateFact,
} from "../decision/index.js"
import { answerOf, type ExistsAnswer, type ExistsAnswerer, type ExistsRequest } from "../http/index.js"
import { type Fleet, type FleetRepository, repositoriesFor, type Spot, spotOf } from "./fleet.js"
import { gatherFacts, gatherProofs, type Memory, noProofs, type VolumeProofs } from "./gather-facts.js"
import type { KnownVolumes } from "./known-volumes.js"
import { RestoreCache } from "./restore-cache.js"

/** What the answerer asks of the catalog. */
export interface Views {
  view(place: string): PlaceView | undefined
  /** A view whose listing begins after this call. */
  listNow(spec: PlaceSpec, store: string, family?: string): Promise<PlaceView>
}

export interface AnswererParts {
  readonly clock: Clock
  readonly fleet: () => Fleet
  readonly views: Views
  readonly memory: Memory
  readonly known: KnownVolumes
  readonly state: StateFact
  readonly specOf: (repository: FleetRepository, spot: Spot) => PlaceSpec
  readonly directories: (repository: FleetRepository) => readonly string[]
  /** `newestComplete`: of the looked-up identity, in the restore repository. */
  readonly freshOnce: (
    cluster: string,
    volume: VolumeName,
    newestComplete: bigint | undefined,
  ) => FreshOnceFact
  /** A cluster asked, and was told this. */
  readonly asked: (cluster: string, volume: VolumeName, decision: Decision) => void
  /** Two questions shared one listing. */
  readonly shared: () => void
}

type View = (place: string) => PlaceView | undefined

/** So much of a request's time is kept for deciding and sending once the listing is there. */
const RESERVE_MS = 150

/** Answers from memory what memory makes certain, and looks again, within the request's time, for the rest. */
export class Answerer implements ExistsAnswerer {
  readonly #parts: AnswererParts
  readonly #looking = new Map<string, number>()
  readonly #restores = new RestoreCache()

  constructor(parts: AnswererParts) {
    this.#parts = parts
  }

  answer(request: ExistsRequest): ExistsAnswer | Promise<ExistsAnswer> {
    const decision = this.#fromMemory(request)
    if (decision.decision === "restore" || request.cluster.kind === "unclear")
      return this.#tell(request, decision)
    return this.#lookAgain(request, request.cluster.name)
  }

  #fromMemory(request: ExistsRequest): Decision {
    const { cluster, arrivedAt } = request
    const { fleet, views, known, memory, freshOnce } = this.#parts
    if (cluster.kind === "unclear") return this.decide(request, cluster, arrivedAt)
    const key = `${cluster.name}/${request.namespace}/${request.pvc}`
    // Taken before anything is worked out: damage that is recorded meanwhile must not pass for known.
    const grounds = { fleet: fleet(), knownVersion: known.version, damageVersion: memory.damageVersion }
    const remembered = this.#restores.recall(key, grounds, (place) => views.view(place), arrivedAt)
    // An administrator's word counts for more than a backup, and is asked for each time.
    if (remembered !== undefined && freshOnce(cluster.name, request, undefined).kind === "not_granted")
      return remembered
    const decision = this.decide(request, cluster, arrivedAt)
    const [restore] = this.#spots(cluster.name, request)
    const view = restore && views.view(restore.spot.place)
    if (view !== undefined) {
      this.#restores.remember(key, { ...grounds, view }, decision)
    }
    return decision
  }

  /** The decision by what is in memory now. */
  decide(volume: VolumeName, cluster: ClusterFact, requestedAt: Moment): Decision {
    return this.#decide(volume, cluster, requestedAt, (place) => this.#parts.views.view(place))
  }

  #decide(volume: VolumeName, cluster: ClusterFact, requestedAt: Moment, view: View): Decision {
    return decide(this.#facts(volume, cluster, requestedAt, view))
  }

  async #lookAgain(request: ExistsRequest, cluster: string): Promise<ExistsAnswer> {
    const { views, clock } = this.#parts
    // A place without a repository is looked at and not kept, and one that was found meanwhile is not listed yet: of what
    // was looked at for this question, the view is taken from here.
    const looked = new Map<string, PlaceView>()
    const looks = this.#spots(cluster, request).map(async ({ repository, spot }) => {
      const count = this.#looking.get(spot.place) ?? 0
      if (count > 0) this.#parts.shared()
      this.#looking.set(spot.place, count + 1)
      try {
        const spec = this.#parts.specOf(repository, spot)
        looked.set(spot.place, await views.listNow(spec, storeOf(repository), familyOf(repository)))
      } finally {
        const left = (this.#looking.get(spot.place) ?? 1) - 1
        if (left === 0) this.#looking.delete(spot.place)
        else this.#looking.set(spot.place, left)
      }
    })
    await within(Promise.allSettled(looks), request.deadline - RESERVE_MS - clock.now().mono)
    const view: View = (place) => looked.get(place) ?? views.view(place)
    return this.#tell(request, this.#decide(request, request.cluster, request.arrivedAt, view))
  }

  #tell(request: ExistsRequest, decision: Decision): ExistsAnswer {
    if (request.cluster.kind === "certain") {
      const { namespace, pvc } = request
      this.#parts.known.add(request.cluster.name, { namespace, pvc })
      this.#parts.asked(request.cluster.name, { namespace, pvc }, decision)
    }
    return answerOf(decision, request.evidence)
  }

  #facts(
    { namespace, pvc }: VolumeName,
    cluster: ClusterFact,
    requestedAt: Moment,
    view: View,
  ): DecisionFacts {
    const volume = { namespace, pvc }
    const about =
      cluster.kind === "certain" ? repositoriesFor(this.#parts.fleet(), cluster.name, namespace) : undefined
    const restore = this.#restoreFact(about?.restore, volume, view)
    const newestComplete = restore.kind === "repository" ? restore.facts.history.newestComplete : undefined
    return {
      volume,
      cluster,
      requestedAt: requestedAt.mono,
      restore,
      guards: (about?.guards ?? []).flatMap((guard) => this.#repositoryFacts(guard, volume, view) ?? []),
      state: this.#parts.state,
      freshOnce:
        cluster.kind === "certain"
          ? this.#parts.freshOnce(cluster.name, volume, newestComplete)
          : { kind: "not_granted" },
      ...this.#proofs(about?.restore, volume, view),
    }
  }

  #proofs(repository: FleetRepository | undefined, volume: VolumeName, view: View): VolumeProofs {
    const spot = repository && spotOf(repository, volume)
    return repository === undefined || spot === undefined
      ? noProofs
      : gatherProofs(repository, spot, view(spot.place), volume, this.#parts.memory)
  }

  #restoreFact(repository: FleetRepository | undefined, volume: VolumeName, view: View): RestoreFact {
    const facts = repository && this.#repositoryFacts(repository, volume, view)
    if (facts !== undefined) return { kind: "repository", facts }
    return repository === undefined
      ? {
          kind: "none",
          message: `No repository with \`decides: restore\` serves the namespace ${volume.namespace}.`,
          hint: "Declare one, or let the `namespaces:` of one include it.",
        }
      : {
          kind: "none",
          message: `Repository "${repository.entry.name}" has no place for ${volume.namespace}/${volume.pvc}.`,
          hint: "Name the volume in its `namespaceMap:` or `volumes:`.",
        }
  }

  #repositoryFacts(repository: FleetRepository, volume: VolumeName, view: View): RepositoryFacts | undefined {
    const spot = spotOf(repository, volume)
    if (spot === undefined) return undefined
    const { clock, memory, known, directories } = this.#parts
    const surroundings = { now: clock.now(), memory, known, directories }
    return gatherFacts(repository, spot, view(spot.place), volume, surroundings)
  }

  #spots(cluster: string, volume: VolumeName): { repository: FleetRepository; spot: Spot }[] {
    const { restore, guards } = repositoriesFor(this.#parts.fleet(), cluster, volume.namespace)
    return [...(restore === undefined ? [] : [restore]), ...guards].flatMap((repository) => {
      const spot = spotOf(repository, volume)
      return spot === undefined ? [] : [{ repository, spot }]
    })
  }
}

export function storeOf({ store, root }: FleetRepository): string {
  return store?.name ?? root
}

export function familyOf(repository: FleetRepository): string | undefined {
  return repository.template?.perVolume === true ? repository.entry.name : undefined
}

/** Waits for the promise, but no longer. */
async function within(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds))
  })
  await Promise.race([promise, limit])
  clearTimeout(timer)
}
