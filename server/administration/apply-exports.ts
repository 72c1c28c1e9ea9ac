import { createHash } from "node:crypto"
import type { z } from "zod"
import { StorageError } from "../../storage/index.js"
import { compareExports, type ExportPlan, type NfsExport, type NfsServer } from "../../storage/nfs/index.js"
import type { applyExportsRequest, ExportsAppliedJson } from "../http/contract/admin.js"
import { HttpError } from "../http/index.js"
import type { ExportRows } from "./export-rows.js"

export interface ApplyExportsParts {
  readonly exports: ExportRows
  readonly nfsServer: Pick<NfsServer, "state" | "plan" | "apply">
  readonly log: { info(fields: object, message: string): void }
}

/** Has the machine's NFS server export what is declared, when a person says so. */
export class ApplyExports {
  readonly #parts: ApplyExportsParts
  #busy = false

  constructor(parts: ApplyExportsParts) {
    this.#parts = parts
  }

  /** Throws HttpError, and StorageError for what the server did not take: then it exports what it did before. */
  async apply(
    { dryRun, replace, basis: agreed }: z.output<typeof applyExportsRequest>,
    by: string,
  ): Promise<ExportsAppliedJson> {
    if (this.#busy) throw new HttpError(409, "busy", "The exports are being applied already.")
    this.#busy = true
    try {
      const { exports, nfsServer, log } = this.#parts
      const { wanted, withheld } = await exports.wanted()
      refuseDoubt(withheld)
      const { added, removed } = await this.#plan(wanted, replace)
      const notLoaded = added.length + removed.length === 0 && !(await this.#isLoaded(wanted))
      const plan = {
        added: [...added],
        removed: [...removed],
        notLoaded,
        withheld: withheld.map(
          ({ name, verdict }) => `${name}: ${verdict.problem?.message ?? verdict.state}`,
        ),
      }
      const basis = createHash("sha256").update(JSON.stringify(plan)).digest("hex")
      if (agreed !== undefined && agreed !== basis) {
        throw new HttpError(409, "stale_plan", "Something changed since these exports were shown.", {
          hint: "Look at what changes now, and apply that.",
        })
      }
      const applies = !dryRun && (notLoaded || added.length + removed.length > 0)
      if (applies) {
        await nfsServer.apply(wanted, { replace })
        log.info({ added, removed, by }, "exports applied")
      }
      return { applied: applies, ...plan, basis }
    } finally {
      this.#busy = false
    }
  }

  async #plan(wanted: readonly NfsExport[], replace: boolean): Promise<ExportPlan> {
    try {
      return await this.#parts.nfsServer.plan(wanted, { replace })
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "invalid") throw error
      throw new HttpError(409, "foreign_exports", error.message, {
        ...(error.hint !== undefined && { hint: error.hint }),
        cause: error,
      })
    }
  }

  async #isLoaded(wanted: readonly NfsExport[]): Promise<boolean> {
    const state = await this.#parts.nfsServer.state()
    return compareExports(wanted, state?.active ?? [], state?.settings).every(
      ({ kind }) => kind === "foreign",
    )
  }
}

/** A store that does not answer for a moment must not lose its exports by that. */
function refuseDoubt(withheld: Awaited<ReturnType<ExportRows["wanted"]>>["withheld"]): void {
  const doubt = withheld.find(({ verdict }) => verdict.state === "unknown")
  if (doubt === undefined) return
  throw new HttpError(503, "store_unknown", `It cannot be told now whether ${doubt.name} may be exported.`, {
    hint: doubt.verdict.problem?.message ?? "Try again.",
  })
}
