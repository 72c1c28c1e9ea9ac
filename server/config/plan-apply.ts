import { createHash } from "node:crypto"
import { type Change, diffDocuments, DRILLS, NFS_SERVER, QUIET_HOURS, SCRUB } from "./diff.js"
import { type DeclaredDocument, type Document, exportName } from "./document.js"
import { DocumentError, type DocumentPath, type Position } from "./document-error.js"
import { type Acknowledgement, loosenings } from "./loosening.js"
import { type Fault, mergeDocuments, resolveDecides } from "./merge.js"
import { plainDocument } from "./render-document.js"
import { sealedNames, type SecretValues, takeSecretValues } from "./sealing.js"
import { declarationFaults, validateDocument } from "./validate.js"
import type { KnownJob } from "./validate-schedules.js"

/** What the plan asks about sealed secrets. Values go in, never out. */
export interface SealedSecrets {
  readonly has: (name: string) => boolean
  /** Whether this very value is sealed under the name. */
  readonly holds: (name: string, value: string) => boolean
}

export interface ApplyPlan {
  /** What will be kept: complete, checked, without a secret value. */
  readonly document: Document
  /** To be sealed under these names before the document is kept. */
  readonly secrets: SecretValues
  readonly changes: readonly Change[]
  /** Must all be accepted by id, or nothing may be applied. */
  readonly acknowledgements: readonly Acknowledgement[]
  /** What the plan was made from: a plan for another basis is stale. */
  readonly basis: string
}

export interface PlanOptions {
  readonly secrets: SealedSecrets
  /** Detach what the declaration does not name. */
  readonly remove?: boolean
  readonly locate?: (path: DocumentPath) => Position | undefined
  /** It was declared once, and is only read again: see declarationFaults. */
  readonly kept?: boolean
  /** The kinds of jobs that schedules may name. */
  readonly jobs?: readonly KnownJob[]
}

/**
 * Decides what applying `declared` over `current` would do; touches nothing. Applying the plan's document again plans no
 * change. Throws DocumentError when the outcome would contradict itself.
 */
export function planApply(current: Document, declared: DeclaredDocument, options: PlanOptions): ApplyPlan {
  const duplicates = duplicateNames(declared)
  const refuse = (faults: readonly Fault[]): void => {
    if (faults.length > 0) throw refusal(faults, declared, options)
  }
  refuse(duplicates)
  const { document: referring, values } = takeSecretValues(declared)
  const merged = resolveDecides(mergeDocuments(current, referring, options.remove ?? false))
  const { document } = merged
  // Where it is not said what decides, nothing further can be said about who decides.
  refuse(merged.faults)
  refuse([...validateDocument(document), ...unknownSecrets(document, values, options.secrets)])
  if (options.kept !== true) refuse(declarationFaults(document, options.jobs ?? []))
  const changedSecrets = [...values].filter(
    ([name, value]) => options.secrets.has(name) && !options.secrets.holds(name, value),
  )
  const changes = diffDocuments({
    before: current,
    after: document,
    declared: namesOf(declared),
    changedSecrets: new Set(changedSecrets.map(([name]) => name)),
  })
  return {
    document,
    secrets: values,
    changes,
    acknowledgements: loosenings(changes, current, document),
    basis: basisOf(current),
  }
}

/** Whether the plan changes anything at all. */
export function changesAnything(plan: Pick<ApplyPlan, "changes">): boolean {
  return plan.changes.some(({ kind }) => kind !== "unchanged" && kind !== "absent")
}

/** The acknowledgements that `accepted` leaves open. */
export function missingAcknowledgements(
  plan: Pick<ApplyPlan, "acknowledgements">,
  accepted: readonly string[],
): readonly Acknowledgement[] {
  return plan.acknowledgements.filter(({ id }) => !accepted.includes(id))
}

/** A name for the state of a document, to notice that it changed between a diff and its application. */
export function basisOf(document: Document): string {
  return createHash("sha256")
    .update(JSON.stringify(plainDocument(document)))
    .digest("hex")
    .slice(0, 16)
}

function refusal(
  faults: readonly Fault[],
  declared: DeclaredDocument,
  { locate }: PlanOptions,
): DocumentError {
  const exports = declared.exports.map(exportName)
  const repositories = new Set(declared.repositories.map(({ name }) => name))
  const schedules = new Set(declared.schedules.map(({ name }) => name))
  /** Exports have no name in the text, only a position; undefined for what was declared before. */
  const inText = (path: DocumentPath): DocumentPath | undefined => {
    const [list, name, ...rest] = path
    if (list === "repositories" && typeof name === "string" && !repositories.has(name)) return undefined
    if (list === "schedules" && typeof name === "string" && !schedules.has(name)) return undefined
    if (list !== "exports" || typeof name !== "string") return path
    const at = exports.indexOf(name)
    return at < 0 ? undefined : [list, at, ...rest]
  }
  return new DocumentError(
    faults.map(({ path, other, message }) => {
      const shown = inText(path) ?? (other && inText(other))
      return { path, message, position: shown && locate?.(shown) }
    }),
  )
}

function namesOf(declared: DeclaredDocument): ReadonlySet<string> {
  return new Set([
    ...declared.stores.map(({ name }) => `store ${name}`),
    ...declared.clusters.map(({ name }) => `cluster ${name}`),
    ...declared.repositories.map(({ name }) => `repository ${name}`),
    ...declared.exports.map((entry) => `export ${exportName(entry)}`),
    ...(declared.nfsServer === undefined ? [] : [`server ${NFS_SERVER}`]),
    ...declared.schedules.map(({ name }) => `schedule ${name}`),
    ...(declared.quietHours === undefined ? [] : [`hours ${QUIET_HOURS}`]),
    ...(declared.scrub === undefined ? [] : [`scrub ${SCRUB}`]),
    ...(declared.drills === undefined ? [] : [`drills ${DRILLS}`]),
  ])
}

function duplicateNames(declared: DeclaredDocument): Fault[] {
  const lists = [
    ["stores", declared.stores.map(({ name }) => name)],
    ["clusters", declared.clusters.map(({ name }) => name)],
    ["repositories", declared.repositories.map(({ name }) => name)],
    ["exports", declared.exports.map(exportName)],
    ["schedules", declared.schedules.map(({ name }) => name)],
  ] as const
  return lists.flatMap(([list, names]) =>
    names.flatMap((name, at) =>
      names.indexOf(name) === at ? [] : [{ path: [list, at, "name"], message: `${name} is declared twice` }],
    ),
  )
}

function unknownSecrets(document: Document, values: SecretValues, secrets: SealedSecrets): Fault[] {
  return [...sealedNames(document)]
    .filter((name) => !values.has(name) && !secrets.has(name))
    .map((name) => ({
      path: name.split("/").slice(0, 3),
      message: `no secret is sealed under ${name}; give it as file, env or value`,
    }))
}
