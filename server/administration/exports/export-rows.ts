import {
  canonicalClient,
  compareExports,
  everybodyWrites,
  type ExportDifference,
  isAround,
  type NfsExport,
  type NfsServer,
  type NfsServerState,
  renderExportsFile,
} from "../../../storage/nfs/index.js"
import { StorageError } from "../../../storage/index.js"
import type { ExportJson, ExportsJson } from "../../http/contract/admin.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"
import { type Declared, type DeclaredExports, type ExportProblem, HOST_HINT } from "./declared-exports.js"
import type { ExportKeeper } from "./export-keeper.js"
import { exportTarget } from "./export-target.js"
import { refusedBy } from "./served-exports.js"

export interface ExportRowsParts {
  readonly declared: DeclaredExports
  readonly keeper: Pick<ExportKeeper, "problem" | "refusal">
  readonly nfsServer: Pick<ChosenNfsServer, "current">
}

type Shown = Pick<ExportJson, "state" | "problem">

/** What the machine's NFS server exports, or why that cannot be told. */
type Served =
  { readonly server: NfsServerState & Pick<NfsServer, "kind"> } | { readonly problem: ExportProblem }

/** What is declared to be exported, beside what the machine's NFS server really exports. */
export class ExportRows {
  readonly #parts: ExportRowsParts

  constructor(parts: ExportRowsParts) {
    this.#parts = parts
  }

  async rows(): Promise<ExportsJson> {
    const { keeper } = this.#parts
    const { declared, served } = await this.#look()
    const server = "server" in served ? served.server : undefined
    const target = exportTarget(declared, [])
    const differences = server === undefined ? [] : compareExports(target, server.active, server.settings)
    return {
      server: server === undefined ? null : { kind: server.kind, running: server.running },
      problem: keeper.problem ?? null,
      exports: declared.map((one) => ({
        store: one.entry.store,
        path: one.entry.path,
        cluster: one.entry.cluster,
        directory: one.directory,
        networks: [...one.cluster.networks],
        hosts: one.hosts.map(({ addresses, ...host }) => ({ ...host, addresses: [...addresses] })),
        netgroups: [...one.entry.netgroups],
        access: one.entry.access,
        squash: one.entry.squash ?? null,
        everybody: everybodyWrites(one.asked.clients),
        ...this.#shown(one, served, differences),
      })),
      file: renderExportsFile(target),
    }
  }

  #shown(one: Declared, served: Served, differences: readonly ExportDifference[]): Shown {
    const { verdict, asked } = one
    if (verdict.kind === "unknown") return { state: "unknown", problem: verdict.problem }
    if (verdict.kind !== "wanted") {
      return whileWithheld(one.directory, verdict, "server" in served ? served.server : undefined)
    }
    const shown = withoutLost(verdictOf(asked, served, differences), one)
    // What the server said itself is more than what is missing.
    const refusal = shown.problem === null ? undefined : this.#parts.keeper.refusal(asked)
    return refusal === undefined ? shown : { ...shown, problem: refusal }
  }

  async #look(): Promise<{ declared: readonly Declared[]; served: Served }> {
    const declared = await this.#parts.declared.look()
    const { current } = this.#parts.nfsServer
    if (current === undefined) return { declared, served: { problem: leftToOthers } }
    try {
      const state = await current.state()
      if (state === undefined) return { declared, served: { problem: noServer } }
      const served = { server: { ...state, kind: current.kind } }
      return { declared: await refusedBy(current, declared), served }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const problem = {
        code: "nfs_server_unreadable",
        message: error.message,
        hint: error.hint ?? null,
      }
      return { declared, served: { problem } }
    }
  }
}

const noServer: ExportProblem = {
  code: "no_nfs_server",
  message: "no NFS server can be seen on this machine",
  hint: "Install one (Debian: nfs-kernel-server), or name another one by `nfsServer`. In a container, mount the machine's /var/lib/nfs read-only.",
}

const leftToOthers: ExportProblem = {
  code: "exports_not_kept",
  message: "the document leaves NFS exports to somebody else (nfsServer: { kind: none })",
  hint: "Declare another nfsServer, or look yourself whether it is exported.",
}

/** What must not be mounted, and is exported all the same, is worse than the reason why it must not. */
function whileWithheld(
  directory: string,
  { kind, problem }: Extract<Declared["verdict"], { kind: "withheld" | "refused" }>,
  server: NfsServerState | undefined,
): Shown {
  const open = server?.running === true && server.active.some(({ path }) => isAround(path, directory))
  if (!open) return { state: kind, problem }
  return {
    state: kind,
    problem: {
      code: "exported_all_the_same",
      message: `the NFS server exports it all the same. It should not: ${problem.message}`,
      hint: `\`cistern exports apply\` withdraws it. ${problem.hint ?? ""}`.trim(),
    },
  }
}

/** How the NFS server is started. It is never done by us. */
const STARTS: Readonly<Record<NfsServer["kind"], string>> = {
  kernel: "Start it (Debian: `systemctl enable --now nfs-server`).",
  ganesha: "Start it (Debian: `systemctl enable --now nfs-ganesha`).",
  truenas: "Start it in TrueNAS: System, Services, NFS, and have it start automatically.",
  synology: "Switch it on in DSM: Control Panel, File Services, NFS.",
}

function verdictOf(
  { path, clients }: NfsExport,
  served: Served,
  differences: readonly ExportDifference[],
): Shown {
  if ("problem" in served) return { state: "unknown", problem: served.problem }
  if (!served.server.running) {
    const hint = STARTS[served.server.kind]
    return {
      state: "missing",
      problem: { code: "nfs_server_stopped", message: "the NFS server is stopped", hint },
    }
  }
  const mine = new Set(clients.map(({ network }) => canonicalClient(network)))
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

/** Who is declared by a name that nobody knows cannot mount, though the server exports all that it can be told. */
function withoutLost(shown: Shown, { hosts }: Declared): Shown {
  const lost = hosts.find(({ addresses }) => addresses.length === 0)
  if (shown.problem !== null || typeof lost?.problem !== "string") return shown
  return { state: "different", problem: { code: "host_not_found", message: lost.problem, hint: HOST_HINT } }
}

export function sentenceOf(difference: ExportDifference): string {
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
