import type { z } from "zod"
import {
  basisOf,
  changesAnything,
  type Document,
  DocumentError,
  emptyDocument,
  missingAcknowledgements,
  parseDocument,
  parsePlainDocument,
  plainDocument,
  planApply,
  type KnownJob,
  type SealedSecrets,
  wideExports,
} from "../config/index.js"
import type { FenceRecord } from "../../storage/disk/index.js"
import type { ApplyJson, applyRequest } from "../http/contract/admin.js"
import { HttpError } from "../http/index.js"
import type { AgreedExports } from "./exports/agreed-exports.js"
import { refuseTwins } from "./stores/twin-stores.js"

/** Where the applied document is kept. */
export interface DocumentShelf {
  current(): Document
  /** All of it or nothing. */
  replace(
    document: Document,
    secrets: ReadonlyMap<string, string>,
    fences: ReadonlyMap<string, FenceRecord>,
  ): void
}

export interface ApplyParts {
  readonly shelf: DocumentShelf
  readonly secrets: SealedSecrets
  /** The kinds of jobs that schedules may name. */
  readonly jobs: () => readonly KnownJob[]
  /** What is remembered of a store. */
  readonly fenceOf: (store: string) => FenceRecord | undefined
  /** Remembers what is under a new store's path, and puts its sentinel there. */
  readonly takeStoreFence: (store: Document["stores"][number], sentinel: boolean) => Promise<FenceRecord>
  /** Adopts what the store of this id remembers itself, and says so, one sentence each. */
  readonly adoptLedger: (store: string, sentinel: string) => Promise<string[]>
  /** A new document is kept: everything that follows from it is made anew. */
  readonly declared: (document: Document) => void
  readonly record: (acknowledged: readonly string[], by: string) => void
}

/** What was agreed to of exports by which everybody may write. */
export type Agreements = Pick<AgreedExports, "has" | "agree" | "settle">

/** Plans what a document changes, says it, and on a clear plan keeps the document and declares it. */
export async function applyDocument(
  request: z.output<typeof applyRequest>,
  by: string,
  parts: ApplyParts & { readonly agreements: Agreements },
): Promise<ApplyJson> {
  const { shelf, secrets, agreements } = parts
  const parsed = inHttpTerms(() => parseDocument(request.document))
  const before = shelf.current()
  const plan = inHttpTerms(() =>
    planApply(before, parsed.document, {
      secrets,
      remove: request.remove,
      locate: parsed.locate,
      jobs: parts.jobs(),
    }),
  )
  if (request.basis !== undefined && request.basis !== plan.basis) {
    throw new HttpError(409, "stale_plan", "Another document was applied since this diff was shown.", {
      hint: "Look at the diff as it is now and agree to that one.",
    })
  }
  const wide = wideExports(plan.document)
  const open = wide.filter((one) => !agreements.has(one))
  const isRefused =
    missingAcknowledgements(plan, request.accept).length > 0 || (open.length > 0 && request.iKnow !== true)
  const result = {
    changes: plan.changes.map((change) => ({
      ...change,
      fields: [...change.fields],
      notes: [...change.notes],
    })),
    acknowledgements: [
      ...plan.acknowledgements.map(({ id, why }) => ({
        id,
        why,
        option: `--accept ${id}`,
        accepted: request.accept.includes(id),
      })),
      ...open.map(({ id, why }) => ({ id, why, option: "--i-know", accepted: request.iKnow === true })),
    ],
  }
  if (request.dryRun || isRefused) return { applied: false, ...result, notices: [], basis: plan.basis }

  const fences = await newFences(plan.document, parts)
  const notices = await adoptedFrom(fences, parts)
  if (basisOf(shelf.current()) !== plan.basis) {
    throw new HttpError(409, "stale_plan", "Another document was applied meanwhile.", {
      hint: "Apply yours again.",
    })
  }
  if (changesAnything(plan) || plan.secrets.size > 0 || fences.size > 0 || open.length > 0) {
    shelf.replace(plan.document, plan.secrets, fences)
    // Stopped in between, what nobody agreed to is refused.
    agreements.settle(wideExports(before), wide, by)
    agreements.agree(wide, by)
    parts.record(
      [...plan.acknowledgements, ...open].map(({ id }) => id),
      by,
    )
    parts.declared(plan.document)
  }
  return { applied: true, ...result, notices, basis: basisOf(plan.document) }
}

/** A store is fenced when it is first declared: from then on it is only believed while it is that filesystem. */
async function newFences(
  { stores, repositories }: Document,
  { fenceOf, takeStoreFence }: ApplyParts,
): Promise<Map<string, FenceRecord>> {
  const fences = new Map<string, FenceRecord>()
  for (const store of stores) {
    if (fenceOf(store.name) !== undefined) continue
    const isRepository = repositories.some(
      ({ place }) => place.kind === "store" && place.store === store.name && place.path === "",
    )
    fences.set(store.name, await takeStoreFence(store, !isRepository))
  }
  refuseTwins(stores, fences, fenceOf)
  return fences
}

/**
 * Before the document is kept: no answer may be given without what the stores remember. Where the document is not kept in the
 * end, something more is remembered, of places that nobody asks for.
 */
async function adoptedFrom(
  fences: ReadonlyMap<string, FenceRecord>,
  { adoptLedger }: ApplyParts,
): Promise<string[]> {
  const notices: string[] = []
  for (const [store, { sentinel }] of fences)
    if (sentinel !== undefined) notices.push(...(await adoptLedger(store, sentinel)))
  return notices
}

function inHttpTerms<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    throw new HttpError(400, "invalid_document", error.message, {
      problems: error.problems.map(({ path, position, message }) => ({
        path: [...path],
        line: position?.line ?? null,
        column: position?.column ?? null,
        message,
      })),
      cause: error,
    })
  }
}

/** The stored text of a document; what cannot be read any more is an error, never an empty document. */
export function documentFromText(text: string | undefined): Document {
  if (text === undefined) return emptyDocument
  const declared = parsePlainDocument(JSON.parse(text))
  const secrets = { has: () => true, holds: () => true }
  return planApply(emptyDocument, declared, { secrets, kept: true }).document
}

export function textOfDocument(document: Document): string {
  return JSON.stringify(plainDocument(document))
}
