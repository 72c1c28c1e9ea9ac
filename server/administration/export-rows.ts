import { join } from "node:path"
import { StorageError } from "../../storage/index.js"
import {
  canonicalNetwork,
  checkExport,
  compareExports,
  type ExportDifference,
  isAround,
  lastingFsid,
  type NfsExport,
  type NfsServer,
  type NfsServerState,
  renderExportsFile,
} from "../../storage/nfs/index.js"
import type { Catalog, FoundDirectory } from "../catalog/index.js"
import { type ClusterEntry, type ExportEntry, exportName, type StoreEntry } from "../config/index.js"
import type { ExportJson, ExportsJson, StoreJson } from "../http/contract/admin.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import { soon } from "./soon.js"
import type { StoreRows } from "./store-rows.js"

export interface ExportRowsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly stores: StoreRows
  readonly nfsServer: Pick<NfsServer, "state">
}

type Problem = NonNullable<ExportJson["problem"]>
type Verdict = Pick<ExportJson, "state" | "problem">

/** A declared export: to be exported so, or why it is not to be now. */
type Declared = {
  readonly entry: ExportEntry
  readonly cluster: ClusterEntry
  readonly directory: string
} & ({ readonly wanted: NfsExport } | { readonly wanted: undefined; readonly verdict: Verdict })

/** What the machine's NFS server exports, or why that cannot be told. */
type Served = { readonly server: NfsServerState } | { readonly problem: Problem }

/** What is declared to be exported, beside what the machine's NFS server really exports. */
export class ExportRows {
  readonly #parts: ExportRowsParts

  constructor(parts: ExportRowsParts) {
    this.#parts = parts
  }

  async rows(): Promise<ExportsJson> {
    const { declared, wanted } = admit(await this.#declared())
    const served = await this.#served()
    const server = "server" in served ? served.server : undefined
    const differences = server === undefined ? [] : compareExports(wanted, server.active, server.settings)
    return {
      server: server === undefined ? null : { running: server.running },
      exports: declared.map((one) => ({
        store: one.entry.store,
        path: one.entry.path,
        cluster: one.entry.cluster,
        directory: one.directory,
        networks: [...one.cluster.networks],
        access: one.entry.access,
        squash: one.entry.squash ?? null,
        ...(one.wanted === undefined
          ? whileWithheld(one, server)
          : verdictOf(one.wanted, served, differences)),
      })),
      file: renderExportsFile(wanted),
    }
  }

  /** What may be exported now, and why the rest may not. */
  async wanted(): Promise<{ wanted: NfsExport[]; withheld: { name: string; verdict: Verdict }[] }> {
    const { declared, wanted } = admit(await this.#declared())
    const withheld = declared.flatMap((one) =>
      one.wanted === undefined ? [{ name: exportName(one.entry), verdict: one.verdict }] : [],
    )
    return { wanted, withheld }
  }

  /** In the document's order. */
  async #declared(): Promise<Declared[]> {
    const { stores, clusters, exports } = this.#parts.keeper.fleet.document
    const looks = new Map<string, StoreLook>()
    for (const store of stores) {
      const paths = exports.filter((entry) => entry.store === store.name).map(({ path }) => path)
      if (paths.length > 0) looks.set(store.name, await this.#lookAt(store, paths))
    }
    return exports.flatMap((entry) => {
      const [look, cluster] = [looks.get(entry.store), clusters.find(({ name }) => name === entry.cluster)]
      return look === undefined || cluster === undefined ? [] : [declaredIn(look, entry, cluster)]
    })
  }

  async #lookAt(store: StoreEntry, paths: readonly string[]): Promise<StoreLook> {
    const { stores, catalog } = this.#parts
    const row = await stores.row(store)
    // A store that hangs is not asked once more.
    if (row.state !== "ok") return { store, row, found: new Map() }
    const all = [...new Set(["", ...paths])]
    const found = await soon(
      catalog.stores.locate(
        store.name,
        all.map((path) => join(store.path, path)),
      ),
    )
    return { store, row, found: new Map(found?.map((one, at) => [all[at] ?? "", one])) }
  }

  async #served(): Promise<Served> {
    try {
      const server = await this.#parts.nfsServer.state()
      if (server !== undefined) return { server }
      const message = "no NFS server of the kernel's can be seen on this machine"
      const hint =
        "Install one (Debian: nfs-kernel-server). In a container, mount the machine's /var/lib/nfs read-only."
      return { problem: { code: "no_nfs_server", message, hint } }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return { problem: { code: "nfs_server_unreadable", message: error.message, hint: error.hint ?? null } }
    }
  }
}

/** What is found of a store's exports. Nothing is, while it is fenced or does not answer. */
interface StoreLook {
  readonly store: StoreEntry
  readonly row: StoreJson
  /** By path relative to the store; "" is the store itself. */
  readonly found: ReadonlyMap<string, FoundDirectory>
}

function declaredIn({ store, row, found }: StoreLook, entry: ExportEntry, cluster: ClusterEntry): Declared {
  const declared = { entry, cluster, directory: join(store.path, entry.path) }
  const not = (state: ExportJson["state"], problem: Problem): Declared => ({
    ...declared,
    wanted: undefined,
    verdict: { state, problem },
  })
  if (row.state === "fenced" && row.problem !== null) return not("withheld", row.problem)
  const [root, place] = [found.get(""), found.get(entry.path)]
  if (root?.kind !== "found" || place === undefined) {
    const silent = {
      code: "store_unknown",
      message: `store ${store.name} does not tell what is there`,
      hint: null,
    }
    return not("unknown", row.problem ?? silent)
  }
  if (place.kind === "failed") {
    const { code, message, hint } = place.error
    return not("withheld", { code, message, hint: hint ?? null })
  }
  const { realPath, mountPoint, filesystem, mountsBelow } = place.location
  if (realPath !== join(root.location.realPath, entry.path)) {
    return not("refused", {
      code: "link",
      message: `${declared.directory} is a link, or lies behind one: it is really ${realPath}`,
      hint: "Declare the path as it really is; what a link leads to may change under the clients.",
    })
  }
  const clients = cluster.networks.map((network) => ({ network, access: entry.access, squash: entry.squash }))
  return {
    ...declared,
    directory: realPath,
    wanted: {
      path: realPath,
      mountPoint: mountPoint === "/" ? undefined : mountPoint,
      crossMounts: mountsBelow.length > 0,
      fsid: lastingFsid(filesystem.type, `${store.name}:${entry.path}`),
      clients,
    },
  }
}

/** Joins what is exported to several clusters, and refuses what must not be exported, or not beside what came before it. */
function admit(all: readonly Declared[]): { declared: Declared[]; wanted: NfsExport[] } {
  const admitted = new Map<string, NfsExport>()
  const declared = all.map((one): Declared => {
    if (one.wanted === undefined) return one
    const { path } = one.wanted
    const joined = { ...one.wanted, clients: [...(admitted.get(path)?.clients ?? []), ...one.wanted.clients] }
    try {
      checkExport(one.wanted, [])
      checkExport(
        joined,
        [...admitted.values()].filter((other) => other.path !== path),
      )
      admitted.set(path, joined)
      return one
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const problem = { code: error.code, message: error.message, hint: error.hint ?? null }
      return { ...one, wanted: undefined, verdict: { state: "refused", problem } }
    }
  })
  return { declared, wanted: [...admitted.values()] }
}

/** What must not be mounted, and is exported all the same, is worse than the reason why it must not. */
function whileWithheld(
  { directory, verdict }: Extract<Declared, { wanted: undefined }>,
  server: NfsServerState | undefined,
): Verdict {
  const open = server?.running === true && server.active.some(({ path }) => isAround(path, directory))
  if (!open || verdict.state === "unknown") return verdict
  return {
    state: verdict.state,
    problem: {
      code: "exported_all_the_same",
      message: `the NFS server exports it all the same. It should not: ${verdict.problem?.message ?? ""}`,
      hint: `\`cistern exports apply\` withdraws it. ${verdict.problem?.hint ?? ""}`.trim(),
    },
  }
}

function verdictOf(
  { path, clients }: NfsExport,
  served: Served,
  differences: readonly ExportDifference[],
): Verdict {
  if ("problem" in served) return { state: "unknown", problem: served.problem }
  if (!served.server.running) {
    const hint = "Start it (Debian: `systemctl enable --now nfs-server`)."
    return {
      state: "missing",
      problem: { code: "nfs_server_stopped", message: "the NFS server is stopped", hint },
    }
  }
  const mine = new Set(clients.map(({ network }) => canonicalNetwork(network)))
  const own = differences.filter((one) =>
    one.kind === "foreign"
      ? isAround(one.path, path) || isAround(path, one.path)
      : one.path === path && mine.has(one.client),
  )
  const missing = own.filter(({ kind }) => kind === "missing")
  if (own.length === 0) return { state: "exported", problem: null }
  return {
    state: missing.length === mine.size ? "missing" : "different",
    problem: {
      code: missing.length === own.length ? "not_exported" : "exported_otherwise",
      message: own.map(sentenceOf).join("; "),
      hint: "Use `cistern exports apply`, and remove what else exports it.",
    },
  }
}

function sentenceOf(difference: ExportDifference): string {
  const { path, client } = difference
  if (difference.kind === "missing") return `${client} cannot mount ${path}`
  if (difference.kind === "foreign") {
    return `${client === "*" ? "everybody" : client} may mount ${path}${difference.writes ? ", and write there," : ""} though nobody declared it`
  }
  const { wanted, active } = difference
  const [has, wants] = [active, wanted].map((options) =>
    options.length === 0 ? "nothing" : options.join(","),
  )
  return `for ${client} it has ${has ?? ""} instead of ${wants ?? ""}`
}
