import { isPerVolume, spotOf } from "../../answers/index.js"
import type { Catalog, Generation } from "../../catalog/index.js"
import type { JobSubject, SubjectType } from "../../jobs/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { FleetPlaces } from "../repositories/fleet-places.js"

export interface JobSubjectsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
}

/** As long as a decision believes that a writer which shows no life is alive. */
const KOPIA_SESSION_MS = 2 * 3_600_000
const RESTIC_LOCK_MS = 30 * 60_000

/** What jobs can work on: the declared stores, and the repositories in them as far as they are known. From memory. */
export class JobSubjects {
  readonly #parts: JobSubjectsParts

  constructor(parts: JobSubjectsParts) {
    this.#parts = parts
  }

  all(type: SubjectType): JobSubject[] {
    const { keeper, catalog } = this.#parts
    if (type === "whole") return [{ type }]
    if (type === "store") return keeper.fleet.document.stores.map(({ name }) => ({ type, store: name }))
    const places = new FleetPlaces(keeper, catalog)
    return keeper.fleet.repositories.flatMap((repository): JobSubject[] => {
      const { entry, store } = repository
      if (store === undefined || entry.place.kind !== "store") return []
      const named = { type, repository: entry.name, store: store.name } as const
      if (isPerVolume(repository)) {
        return places.of(repository).flatMap(({ spec: { place } }) => {
          const path = keeper.pathAt(repository, place)
          return path === undefined ? [] : [{ ...named, path, place }]
        })
      }
      const spot = spotOf(repository, { namespace: "any", pvc: "any" })
      return spot === undefined ? [] : [{ ...named, path: entry.place.path, place: spot.place }]
    })
  }

  isDeclared(subject: JobSubject): boolean {
    const { fleet } = this.#parts.keeper
    if (subject.type === "whole") return true
    if (subject.type === "store") return fleet.document.stores.some(({ name }) => name === subject.store)
    const repository = fleet.repositories.find(({ entry }) => entry.name === subject.repository)
    return repository !== undefined && this.#parts.keeper.pathAt(repository, subject.place) !== undefined
  }

  /** Who writes there at `now` (Unix milliseconds), as far as the last listing told. */
  moverAt(subject: JobSubject, now: number): string | undefined {
    if (subject.type !== "repository") return undefined
    const generation = this.#parts.catalog.view(subject.place)?.generation
    return generation === undefined ? undefined : writerOf(generation, now)
  }
}

/** The writer that shows life, as a phrase. */
export function writerOf({ header }: Generation, now: number): string | undefined {
  const limit = header.engine === "kopia" ? KOPIA_SESSION_MS : RESTIC_LOCK_MS
  const live = header.writers.find(({ lastSeen }) => now - Number(lastSeen / 1_000_000n) < limit)
  if (live === undefined) return undefined
  return live.user === undefined ? "a mover writes" : `${live.user}@${live.host ?? "?"} writes`
}
