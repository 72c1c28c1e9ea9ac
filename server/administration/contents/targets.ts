import {
  formatIdentity,
  identitiesOf,
  parseVolumeName,
  servesNamespace,
  type VolumeName,
  volumeKey,
} from "../../../storage/identity/index.js"
import { type FleetRepository, isPerVolume, spotOf } from "../../answers/index.js"
import type { Catalog } from "../../catalog/index.js"
import type { ContentsTarget } from "../../http/admin/contents-routes.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { FleetPlaces } from "../repositories/fleet-places.js"
import { volumeOf } from "../repositories/snapshot-rows.js"

export interface ContentsTargetsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
}

/** Where snapshots are read that somebody named. */
export interface ResolvedTarget {
  readonly place: string
  readonly store: string
  /** Only of these identities; undefined: whatever is there. */
  readonly only: readonly string[] | undefined
  /** The repository's directory. */
  readonly name: string
}

/** Finds the directory that is meant, and whose snapshots in it. From memory. */
export class ContentsTargets {
  readonly #parts: ContentsTargetsParts

  constructor(parts: ContentsTargetsParts) {
    this.#parts = parts
  }

  /** Throws HttpError 400 where it is not said which, 404 where there is none. */
  resolve({ repository, repositoryPath, cluster, namespace, pvc }: ContentsTarget): ResolvedTarget {
    const named = this.#named(repository, cluster)
    if (namespace === undefined && pvc === undefined) return this.#place(named, repositoryPath)
    if (namespace === undefined || pvc === undefined)
      throw new HttpError(400, "invalid", "A volume is named by namespace and pvc together.")
    if (repositoryPath !== undefined)
      throw new HttpError(400, "invalid", "repositoryPath and a volume exclude each other.")
    return this.#ofVolume(named, parseVolumeName(namespace, pvc))
  }

  #named(name: string | undefined, cluster: string | undefined): readonly FleetRepository[] {
    const { repositories } = this.#parts.keeper.fleet
    const fitting = repositories.filter(
      ({ entry }) =>
        (name === undefined || entry.name === name) && (cluster === undefined || entry.cluster === cluster),
    )
    if (fitting.length > 0) return fitting
    throw new HttpError(
      404,
      "not_found",
      name === undefined ? "There is no such repository." : `No repository is called ${name.slice(0, 80)}.`,
      {
        hint: `Declared are: ${repositories.map(({ entry }) => entry.name).join(", ") || "none"}.`,
      },
    )
  }

  #place(named: readonly FleetRepository[], path: string | undefined): ResolvedTarget {
    const [repository, ...others] = named
    if (repository === undefined || others.length > 0) throw which(named)
    if (!isPerVolume(repository)) {
      const spot = spotOf(repository, ANY)
      const declared = repository.entry.place.kind === "store" ? repository.entry.place.path : ""
      if (spot !== undefined && (path === undefined || trimmed(path) === declared))
        return this.#resolved(repository, spot.place, undefined)
      throw new HttpError(404, "not_found", `${repository.entry.name} does not lie at that path.`, {
        hint: "Leave --repository-path out: it lies in one place.",
      })
    }
    const { keeper, catalog } = this.#parts
    const places = new FleetPlaces(keeper, catalog).of(repository).flatMap(({ spec: { place } }) => {
      const at = keeper.pathAt(repository, place)
      return at === undefined ? [] : [{ place, at }]
    })
    const fitting = places.filter(({ at }) => path === undefined || at === trimmed(path))
    const [one] = fitting
    if (one !== undefined && fitting.length === 1) return this.#resolved(repository, one.place, undefined)
    const some = places.slice(0, 3).map(({ at }) => at)
    const hint =
      some.length === 0
        ? "None has been found in it yet."
        : `Name the volume, or its path with --repository-path: ${some.join(", ")}${places.length > 3 ? ", …" : ""}.`
    if (one === undefined)
      throw new HttpError(404, "not_found", `${repository.entry.name} has nothing there.`, { hint })
    throw new HttpError(400, "which_path", `${repository.entry.name} is ${places.length} repositories.`, {
      hint,
    })
  }

  #ofVolume(named: readonly FleetRepository[], volume: VolumeName): ResolvedTarget {
    const about = named.filter(({ rules }) => servesNamespace(rules, volume.namespace))
    const clusters = new Set(about.map(({ entry }) => entry.cluster))
    if (clusters.size > 1) {
      throw new HttpError(400, "which_cluster", "It must be said of which cluster the volume is.", {
        hint: `Name one with --cluster: ${[...clusters].join(", ")}.`,
      })
    }
    const holding = about.flatMap((repository) => {
      const target = this.#holding(repository, volume)
      return target === undefined ? [] : [{ repository, target }]
    })
    // What its mover would restore from, where there are several.
    const [one] =
      holding.length === 1
        ? holding
        : holding.filter(({ repository }) => repository.entry.decides === "restore")
    if (one !== undefined) return one.target
    if (holding.length > 0) throw which(holding.map(({ repository }) => repository))
    throw new HttpError(
      404,
      "not_found",
      `No repository that is listed has snapshots of ${volumeKey(volume)}.`,
      {
        hint: "`cistern volumes` lists what there is; `cistern repositories` shows what could not be listed.",
      },
    )
  }

  /** Where the volume's snapshots are in a repository, if any are there as far as is known. */
  #holding(repository: FleetRepository, volume: VolumeName): ResolvedTarget | undefined {
    const spot = spotOf(repository, volume)
    if (spot === undefined) return undefined
    const view = this.#parts.catalog.view(spot.place)
    if (isPerVolume(repository))
      return view === undefined ? undefined : this.#resolved(repository, spot.place, undefined)
    const generation = view?.generation
    if (repository.naming === undefined || generation === undefined) return undefined
    const { lookup, others } = identitiesOf(volume, repository.naming)
    const looked = formatIdentity(lookup.identity)
    const names = [looked, ...others.map(({ identity }) => formatIdentity(identity))]
    const only = names.filter((name) => {
      const summary = generation.identities.get(name)
      if (summary === undefined) return false
      const owner = volumeOf(repository, summary.newest[0])
      // A name that several volumes may have had is this one's where its mover looks it up.
      return owner === undefined ? name === looked : volumeKey(owner) === volumeKey(volume)
    })
    return only.length === 0 ? undefined : this.#resolved(repository, spot.place, only)
  }

  #resolved(repository: FleetRepository, place: string, only: readonly string[] | undefined): ResolvedTarget {
    const directory = this.#parts.keeper.declaredAt(place)?.spec.directory
    if (directory === undefined)
      throw new HttpError(404, "not_found", "This repository is not declared any more.")
    return { place, store: repository.store?.name ?? repository.entry.name, only, name: directory }
  }
}

/** For repositories that hold every volume in one place, whichever is asked for. */
const ANY = { namespace: "any", pvc: "any" }

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, "")
}

function which(repositories: readonly FleetRepository[]): HttpError {
  const names = repositories.map(({ entry }) => entry.name).join(", ")
  return new HttpError(400, "which_repository", "It must be said which repository is meant.", {
    hint: `Name one with --repository: ${names}.`,
  })
}
