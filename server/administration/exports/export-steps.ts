import { StorageError } from "../../../storage/index.js"
import {
  compareExports,
  type NfsExport,
  type NfsServerKind,
  stepsByHand,
} from "../../../storage/nfs/index.js"
import { exportName, type NfsServerEntry } from "../../config/index.js"
import type { ExportStepsJson } from "../../http/contract/admin.js"
import type { NfsClientsJson } from "../../http/contract/nfs-clients.js"
import type { ChosenNfsServer, ChosenNfsServerParts } from "./chosen-nfs-server.js"
import type { DeclaredExports } from "./declared-exports.js"
import { sentenceOf } from "./export-rows.js"
import { exportTarget } from "./export-target.js"
import { systemHere } from "./found-nfs-server.js"

export interface ExportStepsParts {
  readonly declared: DeclaredExports
  readonly entry: () => NfsServerEntry | undefined
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  readonly make: ChosenNfsServerParts["make"]
  readonly nfsClients: () => Promise<NfsClientsJson>
}

type Differences = Pick<ExportStepsJson, "differences" | "unreadable">

/** What to do by hand for the declared exports, beside what of it is done. */
export class ExportSteps {
  readonly #parts: ExportStepsParts

  constructor(parts: ExportStepsParts) {
    this.#parts = parts
  }

  async steps(asked: NfsServerKind | undefined): Promise<ExportStepsJson> {
    const declared = await this.#parts.declared.look()
    const target = exportTarget(declared, [])
    const read = await this.#differences(target)
    const system = asked ?? this.#system()
    const { steps, refused } = stepsByHand(system, target)
    const { clients } = await this.#parts.nfsClients()
    return {
      system,
      steps: [...steps],
      left: [
        ...declared.flatMap(({ entry, verdict }) =>
          verdict.kind === "wanted" ? [] : [`${exportName(entry)}: ${verdict.problem.message}`],
        ),
        ...refused.map(({ message, hint }) => `${message}. ${hint}`),
      ],
      ...read,
      connected: clients
        .filter(({ connections, cluster }) => (connections ?? 0) > 0 && cluster !== null)
        .map(({ address, cluster }) => `${address} of cluster ${cluster ?? ""}`),
    }
  }

  #system(): NfsServerKind {
    const kind = this.#parts.entry()?.kind ?? "auto"
    if (kind !== "auto" && kind !== "none") return kind
    return systemHere() ?? this.#parts.nfsServer.current?.kind ?? "kernel"
  }

  /** Also where the exports are left to somebody else: this machine's own server can be read all the same. */
  async #differences(target: readonly NfsExport[]): Promise<Differences> {
    const { nfsServer, make } = this.#parts
    const server = nfsServer.current ?? make({ kind: "auto" })?.server
    try {
      const state = await server?.state()
      if (state === undefined) return { differences: null, unreadable: "no NFS server can be seen here" }
      const stopped = state.running || target.length === 0 ? [] : ["the NFS server is stopped"]
      const found = compareExports(target, state.active, state.settings).map(sentenceOf)
      return { differences: [...stopped, ...found], unreadable: null }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return { differences: null, unreadable: error.message }
    }
  }
}
