import { type LookRequest, namedText, type StoreRoot } from "../../../storage/disk/index.js"
import { type VolumeName, volumesAt } from "../../../storage/identity/index.js"
import { StorageError } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume, repositoriesFor, spotOf } from "../../answers/index.js"
import type { Catalog, LookedAt } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { DirectoryJson } from "../../http/contract/directories.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { FleetPlaces } from "../repositories/fleet-places.js"
import type { AdministratorViews } from "../repositories/views.js"
import { type Expectation, expectationOf } from "./expected-owner.js"
import type { DirectoryFilter } from "./filter.js"
import { command, judgeDirectory, octal } from "./judge-directory.js"
import type { StoreAccess } from "./store-access.js"

export interface DirectoryRowsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly views: Pick<AdministratorViews, "volumes">
  readonly access: StoreAccess
}

/** Files of one directory that are looked at, and of all directories of a tree together. */
const MOST_FILES = 200
const MOST_IN_A_TREE = 4_000
const LEAST_FILES = 12
/** Each takes a program, some milliseconds long. */
const MOST_ACLS = 200

interface Asked {
  readonly store: StoreEntry
  readonly repository: FleetRepository
  readonly path: string
  readonly directory: string
  readonly volume: VolumeName | null
}

/** Each directory of the declared repositories: whose it is, whose it should be, and what is wrong. */
export class DirectoryRows {
  readonly #parts: DirectoryRowsParts

  constructor(parts: DirectoryRowsParts) {
    this.#parts = parts
  }

  /** In the document's order. `most`: so many directories of each repository are looked at. */
  async rows(filter: DirectoryFilter = {}, most = Infinity): Promise<DirectoryJson[]> {
    const repositories = this.#parts.keeper.fleet.repositories.filter(
      ({ entry, store }) =>
        store !== undefined &&
        (filter.store === undefined || store.name === filter.store) &&
        (filter.repository === undefined || entry.name === filter.repository),
    )
    const rows = repositories.map((repository) => this.#rowsOf(repository, most))
    return (await Promise.all(rows)).flat()
  }

  async #rowsOf(repository: FleetRepository, most: number): Promise<DirectoryJson[]> {
    const { store } = repository
    if (store === undefined) return []
    const problem = await this.#problemOf(store)
    const root = this.#parts.access.viewOf(store)
    if (problem !== undefined || root === undefined) {
      const asked = this.#askedOf(repository, store, []).slice(0, most)
      return asked.map((one) => ({ ...this.#frame(one), problem: problem ?? null }))
    }
    const asked = this.#askedOf(repository, store, await this.#discovered(repository, store)).slice(0, most)
    if (asked.length === 0) return []
    const found = await this.#parts.access.call(store.name, "lookAtDirectories", looksOf(asked, root))
    return asked.map((one, at) => this.#row(one, found[at]))
  }

  /** Why nothing can be said of a store now. */
  async #problemOf(store: StoreEntry): Promise<DirectoryJson["problem"] | undefined> {
    const { catalog, access } = this.#parts
    const hang = catalog.stores.hang(store.name)
    if (hang !== undefined) return { code: "store_hangs", message: hang.message, hint: hang.hint }
    if (access.viewOf(store) !== undefined) return access.fenceProblem(store)
    return { code: "store_unknown", message: `nothing is remembered of store ${store.name} yet`, hint: null }
  }

  /** The directories of a tree of repositories that are there at this moment, known already or not. */
  async #discovered(repository: FleetRepository, store: StoreEntry): Promise<string[]> {
    const { keeper, catalog } = this.#parts
    const family = keeper.catalogSpec().families.find(({ name }) => name === repository.entry.name)
    if (family === undefined) return []
    try {
      const { root, depth } = family
      const found = await catalog.stores.discover(store.name, { root, depth })
      return found.flatMap((path) => family.specFor(path)?.directory ?? [])
    } catch (error) {
      // There is no tree yet, or a part of it cannot be read: what is known of it is looked at all the same, and says so.
      if (error instanceof StorageError) return []
      throw error
    }
  }

  /** What is held by the catalog, and, of those that restore, what was asked for and is not there. */
  #askedOf(repository: FleetRepository, store: StoreEntry, discovered: readonly string[]): Asked[] {
    const { keeper, catalog, views } = this.#parts
    const ask = (directory: string, volume: VolumeName | null): Asked => ({
      store,
      repository,
      directory,
      volume,
      path: directory === store.path ? "" : directory.slice(store.path.length + 1),
    })
    if (!isPerVolume(repository)) {
      const spot = spotOf(repository, { namespace: "any", pvc: "any" })
      return spot === undefined ? [] : [ask(spot.directory, null)]
    }
    const places = new FleetPlaces(keeper, catalog).of(repository).map(({ spec }) => spec.directory)
    const held = [...new Set([...places, ...discovered])].map((directory) => {
      const { path } = ask(directory, null)
      return ask(directory, (repository.template && volumesAt(repository.template, path)[0]) ?? null)
    })
    const known = new Set(held.map(({ directory }) => directory))
    const { entry } = repository
    const excluded = keeper.fleet.document.clusters.find(
      ({ name }) => name === entry.cluster,
    )?.excludedNamespaces
    const missing =
      entry.decides !== "restore"
        ? []
        : views
            .volumes({ cluster: entry.cluster })
            .volumes.filter(
              ({ namespace }) =>
                !excluded?.includes(namespace) &&
                repositoriesFor(keeper.fleet, entry.cluster, namespace).restore === repository,
            )
            .flatMap(({ namespace, pvc }) => {
              const spot = spotOf(repository, { namespace, pvc })
              return spot === undefined || known.has(spot.directory)
                ? []
                : [ask(spot.directory, { namespace, pvc })]
            })
    return [...held, ...missing].sort((one, other) =>
      one.path < other.path ? -1 : one.path > other.path ? 1 : 0,
    )
  }

  #expectation({ repository, path }: Asked): Expectation {
    return expectationOf(this.#parts.keeper.fleet.document, repository.entry, path)
  }

  #frame(asked: Asked): DirectoryJson {
    const { store, repository, path, directory, volume } = asked
    const { owner } = this.#expectation(asked)
    return {
      store: store.name,
      repository: repository.entry.name,
      path,
      directory,
      volume,
      state: "unknown",
      expected:
        owner === undefined
          ? null
          : {
              uid: owner.uid,
              gid: owner.gid,
              mode: owner.mode === undefined ? null : octal(owner.mode),
              ...(owner.acl && { acl: owner.acl.map(namedText) }),
              from: owner.from,
            },
      actual: null,
      problem: null,
      findings: [],
    }
  }

  #row(asked: Asked, found: LookedAt | undefined): DirectoryJson {
    const frame = this.#frame(asked)
    const { store, repository, path } = asked
    if (found === undefined) return frame
    if (found.kind === "failed") {
      const { code, message, hint } = found.error
      if (code !== "missing") return { ...frame, problem: { code, message, hint: hint ?? null } }
      const create = `\`${command("create", store.name, path)}\` makes it ahead of the mover.`
      return {
        ...frame,
        state: "missing",
        problem: { code: "missing", message: `${asked.directory} is not there`, hint: create },
      }
    }
    const { look } = found
    const expectation = this.#expectation(asked)
    const findings = judgeDirectory({
      look,
      expectation,
      engine: repository.entry.engine,
      store,
      path,
      user: process.getuid?.(),
    })
    const [first] = findings
    return {
      ...frame,
      actual: { uid: look.uid, gid: look.gid, mode: octal(look.mode) },
      state: stateOf(findings, expectation),
      problem:
        first === undefined
          ? expectation.owner === undefined
            ? nobodySaid(repository.entry.name)
            : null
          : { code: first.code, message: first.message, hint: first.hint },
      findings,
    }
  }
}

function stateOf(findings: DirectoryJson["findings"], { owner }: Expectation): DirectoryJson["state"] {
  if (findings.some(({ code }) => code !== "acl_unknown")) return "wrong"
  return findings.length > 0 || owner === undefined ? "unknown" : "ok"
}

function nobodySaid(repository: string): NonNullable<DirectoryJson["problem"]> {
  return {
    code: "no_owner",
    message: "nobody said whose it should be",
    hint: `Give the export around it a \`squash\`, or repository ${repository} an \`owner\`.`,
  }
}

function looksOf(asked: readonly Asked[], store: StoreRoot): LookRequest[] {
  const most = Math.max(LEAST_FILES, Math.min(MOST_FILES, Math.floor(MOST_IN_A_TREE / asked.length)))
  return asked.map(({ path, repository }, at) => {
    const acl = repository.entry.owner?.acl !== undefined && at < MOST_ACLS
    return { store, path, most, acl }
  })
}
