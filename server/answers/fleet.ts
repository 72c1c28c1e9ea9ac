import { join } from "node:path"
import type { Document, RepositoryEntry, StoreEntry } from "../config/index.js"
import {
  type Naming,
  type NamespaceRules,
  parseClaims,
  parseConvention,
  parseNamespaceRules,
  parsePathTemplate,
  pathFor,
  type PathTemplate,
  servesNamespace,
  type VolumeName,
  volumeKey,
} from "../../storage/identity/index.js"

/** One declared repository, ready to be asked: its templates parsed, its place known. */
export interface FleetRepository {
  readonly entry: RepositoryEntry
  /** Undefined for a directory that we were only lent (drop-in). */
  readonly store: StoreEntry | undefined
  /** The id in the store's sentinel, or its name where it has none: what places are keyed by. */
  readonly storeKey: string
  /** Absolute path of the store or the lent directory. */
  readonly root: string
  readonly rules: NamespaceRules
  /** Where it lies below `root`; undefined: it is `root` itself. */
  readonly template: PathTemplate | undefined
  /** How its volumes are named. restic's are named by the directory. */
  readonly naming: Naming | undefined
}

export interface Fleet {
  readonly document: Document
  readonly repositories: readonly FleetRepository[]
}

/** Where one volume's repository lies. */
export interface Spot {
  /** Key of pins and ledger: survives everything but a move. */
  readonly place: string
  readonly directory: string
}

/** Parses all templates of a valid document; `storeKeys` from a store's name to its sentinel's id. Throws StorageError `invalid` for what validation should have refused. */
export function buildFleet(document: Document, storeKeys: ReadonlyMap<string, string>): Fleet {
  const stores = new Map(document.stores.map((store) => [store.name, store]))
  const repositories = document.repositories.flatMap((entry): FleetRepository[] => {
    if (entry.place.kind !== "store") return []
    const store = stores.get(entry.place.store)
    if (store === undefined) return []
    const storeKey = storeKeys.get(store.name) ?? store.name
    return [{ ...parsed(entry, store.path, entry.place.path), store, storeKey }]
  })
  return { document, repositories }
}

/** A repository in a directory that nobody declared a store: `entry.place` names the directory. */
export function lentRepository(entry: RepositoryEntry, directory: string): FleetRepository {
  return { ...parsed(entry, directory, ""), store: undefined, storeKey: "lent" }
}

function parsed(
  entry: RepositoryEntry,
  root: string,
  path: string,
): Omit<FleetRepository, "store" | "storeKey"> {
  const { cluster, engine, namespaces, namespaceMap } = entry
  return {
    entry,
    root,
    rules: parseNamespaceRules(namespaces),
    template: path === "" ? undefined : parsePathTemplate({ path, cluster, namespaceOf: namespaceMap }),
    naming: engine === "kopia" ? namingOf(entry) : undefined,
  }
}

function namingOf({ cluster, conventions, volumes, dismissed }: RepositoryEntry): Naming {
  const [first, ...others] = conventions.map((convention) => parseConvention(convention))
  if (first === undefined) throw new RangeError("a Kopia repository has at least one convention")
  return { cluster, conventions: [first, ...others], claims: parseClaims({ volumes, dismissed }) }
}

/** Whether every volume has a repository of its own below the template's folder. */
export function isPerVolume(repository: FleetRepository): boolean {
  return repository.template?.perVolume ?? false
}

/** Where this volume's repository lies; undefined when the declaration holds no place for it. */
export function spotOf(repository: FleetRepository, volume: VolumeName): Spot | undefined {
  if (isPerVolume(repository)) {
    const mapped = repository.entry.volumes[volumeKey(volume)]
    const said = typeof mapped === "object" ? mapped.read : mapped
    const path = said ?? (repository.template === undefined ? "" : pathFor(repository.template, volume))
    return path === undefined ? undefined : spotAt(repository, path)
  }
  const { place } = repository.entry
  return spotAt(repository, place.kind === "store" && repository.store !== undefined ? place.path : "")
}

/** The place at a path below the repository's store. */
export function spotAt({ store, storeKey, root }: FleetRepository, path: string): Spot {
  const directory = path === "" ? root : join(root, path)
  return { place: `${storeKey}:${store === undefined ? directory : path}`, directory }
}

/** The repositories of a cluster that are about this namespace, by what they decide. */
export function repositoriesFor(
  fleet: Fleet,
  cluster: string,
  namespace: string,
): { restore: FleetRepository | undefined; guards: FleetRepository[] } {
  const about = fleet.repositories.filter(
    ({ entry, rules }) => entry.cluster === cluster && servesNamespace(rules, namespace),
  )
  return {
    restore: about.find(({ entry }) => entry.decides === "restore"),
    guards: about.filter(({ entry }) => entry.decides === "guard"),
  }
}
