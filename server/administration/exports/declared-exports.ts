import { join } from "node:path"
import type { FenceState } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import { overlap, parseNetwork } from "../../../storage/network.js"
import {
  checkExport,
  ExportedPaths,
  isAround,
  lastingFsid,
  type NfsClient,
  type NfsExport,
} from "../../../storage/nfs/index.js"
import type { Catalog, FoundDirectory } from "../../catalog/index.js"
import {
  type ClusterEntry,
  type ExportEntry,
  EXPOSURE_HINT,
  exposureSentence,
  exposuresOf,
  type StoreEntry,
  wideExport,
  wideExports,
  type WideExport,
} from "../../config/index.js"
import type { ExportJson } from "../../http/contract/admin.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import type { AgreedExports } from "./agreed-exports.js"
import type { HostNames, NamedHost } from "./host-names.js"
import type { Fence, StoreFences } from "../stores/store-fences.js"
import type { KeptOut } from "./kept-out.js"

export type ExportProblem = NonNullable<ExportJson["problem"]>

/** A declared export and what follows from what is there now. */
export interface Declared {
  readonly entry: ExportEntry
  readonly cluster: ClusterEntry
  /** Whom its host names stand for now. */
  readonly hosts: readonly NamedHost[]
  /** What clients mount, as far as it can be told. */
  readonly directory: string
  /** What the declaration asks for. Where it is not to be exported now, only `path` and `clients` say something. */
  readonly asked: NfsExport
  /** Where filesystems are mounted in it, and clients cross into them. */
  readonly mountsBelow: readonly string[]
  readonly verdict: Verdict
}

export type Verdict =
  | { readonly kind: "wanted" }
  /** It must not be exported: `withheld` while its filesystem or directory is not the right one, `refused` in any case. */
  | { readonly kind: "withheld" | "refused"; readonly problem: ExportProblem }
  /** Whether it may be exported cannot be told now: it stays as it is. */
  | { readonly kind: "unknown"; readonly problem: ExportProblem }

export interface DeclaredExportsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly storeFences: StoreFences
  readonly keptOut: Pick<KeptOut, "problemAt">
  readonly hostNames: Pick<HostNames, "look">
  readonly agreements: Pick<AgreedExports, "has">
}

/** The declared exports, beside what is found of their stores and directories now. */
export class DeclaredExports {
  readonly #parts: DeclaredExportsParts

  constructor(parts: DeclaredExportsParts) {
    this.#parts = parts
  }

  /**
   * In the document's order. Looks at every directory; a store that does not answer is waited for 2 s. `everybody`: as if somebody
   * had agreed that everybody may write where it is declared so.
   */
  async look({ everybody = false } = {}): Promise<Declared[]> {
    const { clusters, exports } = this.#parts.keeper.fleet.document
    const looks = new Map<string, StoreLook>()
    const [hosts] = await Promise.all([
      this.#parts.hostNames.look([...new Set(exports.flatMap(({ hosts: names }) => names))]),
      ...this.stores().map(async (store) => {
        const paths = exports.filter((entry) => entry.store === store.name).map(({ path }) => path)
        looks.set(store.name, await this.#lookAt(store, paths))
      }),
    ])
    const declared = exports.flatMap((entry) => {
      const [look, cluster] = [looks.get(entry.store), clusters.find(({ name }) => name === entry.cluster)]
      if (look === undefined || cluster === undefined) return []
      const named = entry.hosts.flatMap((name) => hosts.get(name) ?? [])
      return [this.#unlessKeptOut(declaredIn(look, entry, cluster, named))]
    })
    return refuseOverlaps(
      declared.map((one) => this.#withoutExposure(one)).map((one) => this.#asAgreed(one, everybody)),
    )
  }

  /** Declared exports of which nobody agreed that everybody may write. */
  unagreed(): WideExport[] {
    const wide = wideExports(this.#parts.keeper.fleet.document)
    return wide.filter((one) => !this.#parts.agreements.has(one))
  }

  #asAgreed(one: Declared, everybody: boolean): Declared {
    const wide = wideExport(one.entry, this.#parts.keeper.fleet.document)
    if (wide === undefined || one.verdict.kind === "withheld" || one.verdict.kind === "refused") return one
    if (everybody || this.#parts.agreements.has(wide)) {
      return { ...one, asked: { ...one.asked, everybodyMayWrite: true } }
    }
    const problem = { code: "everybody_writes", message: wide.why, hint: EVERYBODY_HINT }
    return { ...one, verdict: { kind: "refused", problem } }
  }

  /** The document says so already, but for links that lead into another store, and documents of earlier versions. */
  #withoutExposure(one: Declared): Declared {
    if (one.verdict.kind === "withheld" || one.verdict.kind === "refused") return one
    const { stores, repositories } = this.#parts.keeper.fleet.document
    const rootOf = (name: string): string | undefined => {
      const store = stores.find((candidate) => candidate.name === name)
      return store && (this.#parts.storeFences.ofFilesystems(store)[0]?.record.realPath ?? store.path)
    }
    const { directory, entry } = one
    const [exposed] = exposuresOf({ directory, cluster: entry.cluster }, repositories, rootOf)
    if (exposed === undefined) return one
    const problem = { code: "foreign_repository", message: exposureSentence(exposed), hint: EXPOSURE_HINT }
    return { ...one, verdict: { kind: "refused", problem } }
  }

  /** The stores of which something is exported. */
  stores(): StoreEntry[] {
    const { stores, exports } = this.#parts.keeper.fleet.document
    return stores.filter(({ name }) => exports.some((entry) => entry.store === name))
  }

  #unlessKeptOut(declared: Declared): Declared {
    const problem = this.#parts.keptOut.problemAt(declared.directory)
    return problem === undefined ? declared : { ...declared, verdict: { kind: "withheld", problem } }
  }

  async #lookAt(store: StoreEntry, paths: readonly string[]): Promise<StoreLook> {
    const { catalog, storeFences } = this.#parts
    const fences = storeFences.ofFilesystems(store)
    const silent = catalog.stores.hang(store.name)
    // A store that hangs is not asked once more.
    if (silent !== undefined) {
      const problem = { code: "store_hangs", message: silent.message, hint: silent.hint }
      return { store, fences, states: undefined, found: new Map(), problem }
    }
    const all = [...new Set(["", ...paths])]
    const [states, found] = await Promise.all([
      soon(catalog.stores.checkFences(store.name, fences)),
      soon(
        catalog.stores.locate(
          store.name,
          all.map((path) => join(store.path, path)),
        ),
      ),
    ])
    const places = new Map(found?.map((one, at) => [all[at] ?? "", one]))
    return { store, fences, states, found: places, problem: undefined }
  }
}

/** What is found of a store's exports. */
interface StoreLook {
  readonly store: StoreEntry
  readonly fences: readonly Fence[]
  /** One for each fence; undefined: it does not answer. */
  readonly states: readonly FenceState[] | undefined
  /** By path relative to the store; "" is the store itself. */
  readonly found: ReadonlyMap<string, FoundDirectory>
  readonly problem: ExportProblem | undefined
}

function declaredIn(
  look: StoreLook,
  entry: ExportEntry,
  cluster: ClusterEntry,
  hosts: readonly NamedHost[],
): Declared {
  const { store, fences, states, found } = look
  const directory = join(fences[0]?.record.realPath ?? store.path, entry.path)
  const clients = clientsOf(entry, cluster, hosts)
  const bare = { path: directory, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
  const not = (kind: "withheld" | "refused" | "unknown", problem: ExportProblem): Declared => ({
    entry,
    cluster,
    hosts,
    directory,
    asked: bare,
    mountsBelow: [],
    verdict: { kind, problem },
  })
  if (states === undefined || fences.length === 0) return not("unknown", look.problem ?? silence(store))
  const fenced = states.find((state, at) => state.kind === "fenced" && concerns(fences[at], directory))
  if (fenced?.kind === "fenced") {
    return not("withheld", { code: fenced.code, message: fenced.message, hint: fenced.hint })
  }
  const [root, place] = [found.get(""), found.get(entry.path)]
  if (root?.kind !== "found" || place === undefined) return not("unknown", silence(store))
  if (place.kind === "failed") {
    const { code, message, hint } = place.error
    return not("withheld", { code, message, hint: hint ?? null })
  }
  const { realPath, mountPoint, filesystem, mountsBelow } = place.location
  if (realPath !== join(root.location.realPath, entry.path)) {
    return not("refused", {
      code: "link",
      message: `${join(store.path, entry.path)} is a link, or lies behind one: it is really ${realPath}`,
      hint: "Declare the path as it really is; what a link leads to may change under the clients.",
    })
  }
  const asked = {
    path: realPath,
    mountPoint: mountPoint === "/" ? undefined : mountPoint,
    crossMounts: mountsBelow.length > 0,
    fsid: lastingFsid(filesystem.type, `${store.name}:${entry.path}`),
    clients,
  }
  const nobody = hosts.find(({ problem }) => problem !== null)?.problem
  if (clients.length === 0 && typeof nobody === "string") {
    return not("withheld", { code: "host_not_found", message: nobody, hint: HOST_HINT })
  }
  return { entry, cluster, hosts, directory: realPath, asked, mountsBelow, verdict: { kind: "wanted" } }
}

export const EVERYBODY_HINT =
  "Name the networks of the cluster. If it is meant all the same: `cistern exports apply --i-know`."

export const HOST_HINT =
  "Look at what this machine's resolver tells (`getent ahosts NAME`), or give the cluster the address as a network, such as 192.168.10.7/32."

/** Whoever is named twice, such as a host in a network of its cluster, is named once. */
function clientsOf(
  { access, squash, netgroups }: ExportEntry,
  { networks }: ClusterEntry,
  hosts: readonly NamedHost[],
): NfsClient[] {
  const ranges = networks.map(parseNetwork)
  const outside = hosts
    .flatMap(({ addresses }) => addresses)
    .filter((address) => !ranges.some((range) => overlap(range, parseNetwork(address))))
  const names = [...networks, ...new Set(outside), ...netgroups]
  return names.map((network) => ({ network, access, squash }))
}

/** The filesystem that an export lies on concerns it, those around that one, and those that are mounted in it. */
function concerns(fence: Fence | undefined, directory: string): boolean {
  const mountPoint = fence?.record.mountPoint ?? "/"
  return isAround(mountPoint, directory) || isAround(directory, mountPoint)
}

function silence({ name }: StoreEntry): ExportProblem {
  return { code: "store_unknown", message: `store ${name} does not tell what is there`, hint: null }
}

/** Refuses what must not be exported at all, or not beside what is declared before it. */
function refuseOverlaps(all: readonly Declared[]): Declared[] {
  const admitted = new Map<string, NfsExport>()
  const paths = new ExportedPaths()
  return all.map((one): Declared => {
    if (one.verdict.kind !== "wanted" && one.verdict.kind !== "unknown") return one
    try {
      const before = admitted.get(one.asked.path)
      const joined = joinedTo(before, one.asked)
      checkExport(one.asked)
      checkExport(joined)
      if (before === undefined) paths.add(joined.path)
      admitted.set(joined.path, joined)
      return one
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const { code, message, hint } = error
      return { ...one, verdict: { kind: "refused", problem: { code, message, hint: hint ?? null } } }
    }
  })
}

/** One directory for several clusters is one export with the clients of all. */
export function joinedTo(before: NfsExport | undefined, one: NfsExport): NfsExport {
  if (before === undefined) return one
  const everybodyMayWrite = (before.everybodyMayWrite ?? false) || (one.everybodyMayWrite ?? false)
  return {
    ...one,
    clients: [...before.clients, ...one.clients],
    ...(everybodyMayWrite && { everybodyMayWrite }),
  }
}
