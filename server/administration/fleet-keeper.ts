import { createHash } from "node:crypto"
import { join } from "node:path"
import {
  buildFleet,
  type Fleet,
  type FleetRepository,
  isPerVolume,
  lentRepository,
  type Spot,
  spotAt,
  spotOf,
  storeOf,
} from "../answers/index.js"
import type { CatalogSpec, FamilySpec, PlaceSpec, StoreSpec } from "../catalog/index.js"
import { type ClusterResolver, createResolver, type KnownCluster } from "../clusters/index.js"
import type { ClusterEntry, Document, RepositoryEntry, SecretReference, TokenEntry } from "../config/index.js"
import type { FenceRecord } from "../../storage/disk/index.js"
import { commonFolder, volumesAt } from "../../storage/identity/index.js"
import type { Secret } from "../../storage/index.js"

/** The repository of drop-in mode, in a directory that is not ours to write to. */
export interface LentRepository {
  readonly entry: RepositoryEntry
  readonly directory: string
}

export interface FleetKeeperParts {
  /** Throws where the secret cannot be had; the message says why, never what. */
  readonly resolve: (reference: SecretReference) => Secret
  readonly fence: (kind: "store" | "place", name: string) => FenceRecord | undefined
  /** Whether the filesystem under a path tells of changes: a network filesystem does not. */
  readonly hasEvents: (path: string) => boolean
  readonly trustedHops: readonly string[]
  readonly lent: LentRepository | undefined
  readonly log: { warn(fields: object, message: string): void }
}

/** The declared fleet as it is now: what an applied document means for the catalog, the answers and the doors. */
export class FleetKeeper {
  readonly #parts: FleetKeeperParts
  readonly #passwords = new Map<FleetRepository, string | undefined>()
  /** Why a password cannot be had, as it was logged last: it is tried again with every listing. */
  readonly #passwordFaults = new Map<FleetRepository, string>()
  #fleet: Fleet
  #resolver: ClusterResolver

  constructor(document: Document, parts: FleetKeeperParts) {
    this.#parts = parts
    this.#fleet = this.#build(document)
    this.#resolver = this.#resolverOf(this.#fleet.document)
  }

  get fleet(): Fleet {
    return this.#fleet
  }

  get resolver(): ClusterResolver {
    return this.#resolver
  }

  replace(document: Document): void {
    this.#fleet = this.#build(document)
    this.#resolver = this.#resolverOf(this.#fleet.document)
    this.#passwords.clear()
    this.#passwordFaults.clear()
  }

  /** What the catalog has to read. */
  catalogSpec(): CatalogSpec {
    const { document, repositories } = this.#fleet
    const stores: StoreSpec[] = document.stores.map(({ name, path }) => this.#storeSpec(name, path))
    for (const { store, root } of repositories)
      if (store === undefined) stores.push(this.#storeSpec(root, root))
    const places = repositories
      .filter((repository) => !isPerVolume(repository))
      .flatMap((repository) => {
        const spot = spotOf(repository, anyVolume)
        return spot === undefined ? [] : [{ ...this.specOf(repository, spot), store: storeOf(repository) }]
      })
    return {
      stores,
      places,
      families: repositories.filter(isPerVolume).map((repository) => this.#family(repository)),
    }
  }

  specOf(repository: FleetRepository, { place, directory }: Spot): PlaceSpec {
    return {
      place,
      directory,
      engine: repository.entry.engine,
      password: this.#password(repository),
      fences: this.#fencesOf(repository, { place, directory }),
    }
  }

  /** The same place as it would be declared now: with its password read again and the fence that was taken since. */
  renew(spec: PlaceSpec): PlaceSpec {
    const repository = this.repositoryAt(spec.place)
    if (repository === undefined) return spec
    this.#passwords.delete(repository)
    return this.specOf(repository, spec)
  }

  /** The repository whose declaration covers a place. */
  repositoryAt(place: string): FleetRepository | undefined {
    return this.#fleet.repositories.find((repository) => this.pathAt(repository, place) !== undefined)
  }

  /** The path below its store of a place that a declaration covers; undefined when it does not. */
  pathAt(repository: FleetRepository, place: string): string | undefined {
    if (!isPerVolume(repository)) return spotOf(repository, anyVolume)?.place === place ? "" : undefined
    const prefix = `${repository.storeKey}:`
    const path = place.startsWith(prefix) ? place.slice(prefix.length) : undefined
    if (path === undefined || repository.template === undefined) return undefined
    const mapped = Object.values(repository.entry.volumes).includes(path)
    return mapped || volumesAt(repository.template, path).length > 0 ? path : undefined
  }

  /** How a place that a declaration covers is declared, and how it is to be read. */
  declaredAt(place: string): { readonly entry: RepositoryEntry; readonly spec: PlaceSpec } | undefined {
    const repository = this.repositoryAt(place)
    const path = repository && this.pathAt(repository, place)
    if (repository === undefined || path === undefined) return undefined
    const spot = isPerVolume(repository) ? spotAt(repository, path) : spotOf(repository, anyVolume)
    return spot && { entry: repository.entry, spec: this.specOf(repository, spot) }
  }

  #build(document: Document): Fleet {
    const keys = new Map<string, string>()
    for (const { name } of document.stores) {
      const id = this.#parts.fence("store", name)?.sentinel
      if (id !== undefined) keys.set(name, id)
    }
    const fleet = buildFleet(document, keys)
    const { lent } = this.#parts
    if (lent === undefined) return fleet
    return {
      document: { ...document, clusters: [...document.clusters, lentCluster(lent.entry.cluster)] },
      repositories: [...fleet.repositories, lentRepository(lent.entry, lent.directory)],
    }
  }

  #family(repository: FleetRepository): FamilySpec {
    const { template, root } = repository
    if (template === undefined) throw new RangeError("a family has a template")
    const common = commonFolder(template)
    const fixed = common === "" ? 0 : common.split("/").length
    return {
      name: repository.entry.name,
      store: storeOf(repository),
      root: common === "" ? root : join(root, common),
      depth: template.segments.length - fixed,
      specFor: (relative) => {
        const path = common === "" ? relative : `${common}/${relative}`
        const spot = spotAt(repository, path)
        return this.pathAt(repository, spot.place) === undefined ? undefined : this.specOf(repository, spot)
      },
    }
  }

  /** None of what we were only lent: nobody could accept that it moved, and after a start pin and ledger know it again. */
  #fencesOf({ store }: FleetRepository, { place, directory }: Spot): PlaceSpec["fences"] {
    if (store === undefined) return []
    const fenced = { path: store.path, record: this.#parts.fence("store", store.name) }
    const placed = { path: directory, record: this.#parts.fence("place", place) }
    return [fenced, placed].flatMap(({ path, record }) =>
      record === undefined ? [] : [{ path, record, store: store.name }],
    )
  }

  #password(repository: FleetRepository): string | undefined {
    if (this.#passwords.has(repository)) return this.#passwords.get(repository)
    const reference = repository.entry.password
    let password: string | undefined
    try {
      password = reference && this.#parts.resolve(reference).reveal()
      this.#passwordFaults.delete(repository)
    } catch (error) {
      // Without the password the answers say `password_missing`; a later listing reads it again.
      this.#tellPasswordFault(repository, error)
    }
    this.#passwords.set(repository, password)
    return password
  }

  #tellPasswordFault(repository: FleetRepository, error: unknown): void {
    const fault = error instanceof Error ? error.message : String(error)
    if (this.#passwordFaults.get(repository) === fault) return
    this.#passwordFaults.set(repository, fault)
    this.#parts.log.warn({ repository: repository.entry.name, err: error }, "the password cannot be had")
  }

  #storeSpec(name: string, path: string): StoreSpec {
    return { name, path, events: this.#parts.hasEvents(path) }
  }

  #resolverOf(document: Document): ClusterResolver {
    const clusters: readonly ClusterEntry[] = document.clusters
    return createResolver(
      clusters.map((cluster) => this.#known(cluster)),
      this.#parts.trustedHops,
    )
  }

  #known({ name, networks, tokens, requireToken }: ClusterEntry): KnownCluster {
    return { name, networks, requireToken, tokens: tokens.flatMap((token) => this.#tokenHash(name, token)) }
  }

  #tokenHash(cluster: string, token: TokenEntry): string[] {
    if ("sha256" in token) return [token.sha256]
    try {
      return [createHash("sha256").update(this.#parts.resolve(token).reveal()).digest("hex")]
    } catch (error) {
      // A token that cannot be read opens nothing; the others still do.
      this.#parts.log.warn({ cluster, err: error }, "a token of the cluster cannot be had")
      return []
    }
  }
}

/** Whoever asks a drop-in: it knows of no other cluster. */
function lentCluster(name: string): ClusterEntry {
  return { name, networks: [], excludedNamespaces: [], tokens: [], requireToken: false }
}

/** For repositories that hold every volume in one place, whichever is asked for. */
const anyVolume = { namespace: "any", pvc: "any" }
