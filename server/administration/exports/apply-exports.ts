import { createHash } from "node:crypto"
import type { z } from "zod"
import { StorageError } from "../../../storage/index.js"
import {
  compareExports,
  type ExportPlan,
  type NfsExport,
  type NfsServer,
} from "../../../storage/nfs/index.js"
import { exportName, type WideExport } from "../../config/index.js"
import type { applyExportsRequest, ExportsAppliedJson } from "../../http/contract/admin.js"
import { HttpError } from "../../http/index.js"
import type { AgreedExports } from "./agreed-exports.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"
import type { DeclaredExports } from "./declared-exports.js"
import { exportTarget } from "./export-target.js"
import { refusedBy } from "./served-exports.js"
import type { Turns } from "../turns.js"

export interface ApplyExportsParts {
  readonly declared: DeclaredExports
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  /** Shared with whoever else changes exports. */
  readonly turns: Turns
  readonly agreements: Pick<AgreedExports, "agree">
  readonly log: { info(fields: object, message: string): void }
}

type Request = z.output<typeof applyExportsRequest>

/** Has the machine's NFS server export what is declared, when a person says so. */
export class ApplyExports {
  readonly #parts: ApplyExportsParts

  constructor(parts: ApplyExportsParts) {
    this.#parts = parts
  }

  /** Throws HttpError, and StorageError for what the server did not take: then it exports what it did before. */
  apply(request: Request, by: string): Promise<ExportsAppliedJson> {
    return this.#parts.turns.take(() => this.#apply(request, by))
  }

  async #apply(
    { dryRun, replace, iKnow = false, basis: agreed }: Request,
    by: string,
  ): Promise<ExportsAppliedJson> {
    const server = this.#server()
    const open = this.#parts.declared.unagreed()
    if (open.length > 0 && !dryRun && !iKnow) throw everybodyWrites(open)
    const declared = await refusedBy(server, await this.#parts.declared.look({ everybody: iKnow }))
    const state = await server.state()
    const target = exportTarget(declared, state?.own ?? [])
    const { added, removed } = await planned(server, target, replace)
    const differences = compareExports(target, state?.active ?? [], state?.settings)
    const notLoaded =
      added.length + removed.length === 0 && differences.some(({ kind }) => kind !== "foreign")
    const plan = {
      added: [...added],
      removed: [...removed],
      notLoaded,
      withheld: declared.flatMap(({ entry, verdict }) => {
        if (verdict.kind === "wanted") return []
        const stays = verdict.kind === "unknown" ? "stays as it is: " : ""
        return [`${exportName(entry)}: ${stays}${verdict.problem.message}`]
      }),
      everybody: open.map(({ why }) => why),
    }
    const basis = createHash("sha256").update(JSON.stringify(plan)).digest("hex")
    if (agreed !== undefined && agreed !== basis) {
      throw new HttpError(409, "stale_plan", "Something changed since these exports were shown.", {
        hint: "Look at what changes now, and apply that.",
      })
    }
    const applies = !dryRun && (notLoaded || added.length + removed.length > 0)
    if (!dryRun) this.#parts.agreements.agree(open, by)
    if (applies) {
      await server.apply(target, { replace })
      this.#parts.log.info({ added, removed, by }, "exports applied")
    }
    return { applied: applies, ...plan, basis }
  }

  #server(): NfsServer {
    const { current } = this.#parts.nfsServer
    if (current !== undefined) return current
    throw new HttpError(409, "exports_not_kept", "The document leaves NFS exports to somebody else.", {
      hint: "Declare another nfsServer than `kind: none`.",
    })
  }
}

function everybodyWrites(open: readonly WideExport[]): HttpError {
  const message = `Everybody could write, which nobody has agreed to: ${open.map(({ why }) => why).join("; ")}.`
  return new HttpError(409, "everybody_writes", message, {
    hint: "Name the networks of the cluster. If it is meant all the same, say --i-know.",
  })
}

async function planned(
  server: NfsServer,
  target: readonly NfsExport[],
  replace: boolean,
): Promise<ExportPlan> {
  try {
    return await server.plan(target, { replace })
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "invalid") throw error
    throw new HttpError(409, "foreign_exports", error.message, {
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    })
  }
}
