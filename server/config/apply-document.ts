import type { Change } from "./diff.js"
import type { Document } from "./document.js"
import type { Acknowledgement } from "./loosening.js"
import { parseDocument } from "./parse-document.js"
import { changesAnything, planApply, type SealedSecrets } from "./plan-apply.js"
import type { SecretValues } from "./sealing.js"

/** What applying needs of the state. */
export interface ApplyPorts {
  readonly current: () => Document
  readonly secrets: SealedSecrets
  /** Seals the values and keeps the document, both or neither. */
  readonly commit: (document: Document, secrets: SecretValues) => void
}

export interface ApplyOptions {
  readonly dryRun?: boolean
  readonly remove?: boolean
  readonly accept?: readonly string[]
  /** Of the plan that was agreed to. */
  readonly basis?: string | undefined
}

/**
 * `done`: applied, or nothing had to change. `planned`: a dry run. `refused`: acknowledgements are missing. `stale`: the
 * document was changed by somebody else since the plan was agreed to.
 */
export type ApplyOutcome = "done" | "planned" | "refused" | "stale"

export interface ApplyResult {
  readonly outcome: ApplyOutcome
  readonly changes: readonly Change[]
  readonly acknowledgements: readonly (Acknowledgement & { readonly accepted: boolean })[]
  readonly basis: string
}

/** Parses, plans and, unless something stands against it, keeps. Throws DocumentError. */
export function applyDocument(text: string, options: ApplyOptions, ports: ApplyPorts): ApplyResult {
  const { document: declared, locate } = parseDocument(text)
  const plan = planApply(ports.current(), declared, {
    secrets: ports.secrets,
    remove: options.remove ?? false,
    locate,
  })
  const accepted = new Set(options.accept)
  const acknowledgements = plan.acknowledgements.map((one) => ({ ...one, accepted: accepted.has(one.id) }))
  const result = (outcome: ApplyOutcome): ApplyResult => ({
    outcome,
    acknowledgements,
    changes: plan.changes,
    basis: plan.basis,
  })
  if (options.dryRun === true) return result("planned")
  if (options.basis !== undefined && options.basis !== plan.basis) return result("stale")
  if (acknowledgements.some((one) => !one.accepted)) return result("refused")
  if (changesAnything(plan)) ports.commit(plan.document, plan.secrets)
  return result("done")
}
