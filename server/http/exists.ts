import type { Moment } from "../catalog/index.js"
import type { ClusterFact, Decision } from "../decision/index.js"
import type { ExistsAnswer } from "./contract/exists.js"

export interface ExistsRequest {
  /** Which cluster asks. `unclear` is a reason for `unknown` like any other, so it is decided where the others are. */
  readonly cluster: ClusterFact
  readonly namespace: string
  readonly pvc: string
  /** Whether the answer shall carry its evidence. */
  readonly evidence: boolean
  readonly arrivedAt: Moment
  /** Milliseconds of the monotonic clock after which nobody waits for the answer. */
  readonly deadline: number
}

/** Knows the answers. One that is known already is returned as it is, without a promise: most are, and it is cheaper. */
export interface ExistsAnswerer {
  answer(request: ExistsRequest): ExistsAnswer | Promise<ExistsAnswer>
}

/** A decision as the wire tells it. Only a real `Restore` or `Fresh` becomes a certain answer. */
export function answerOf(decision: Decision, evidence: boolean): ExistsAnswer {
  const shown = {
    ...(decision.source === "" ? {} : { source: decision.source }),
    ...(evidence ? { evidence: decision.evidence } : {}),
  }
  switch (decision.decision) {
    case "restore":
      return { exists: true, decision: "restore", authoritative: true, ...shown }
    case "fresh":
      return { exists: false, decision: "fresh", authoritative: true, ...shown }
    case "unknown":
      return { ...unknownAnswer(decision.error), ...shown }
  }
}

export function unknownAnswer(error: string): ExistsAnswer & { decision: "unknown" } {
  return { exists: false, decision: "unknown", authoritative: false, error }
}

/** 200 only for what is certain (cluster-side §3.2, status rule). */
export function statusOf(answer: ExistsAnswer): 200 | 503 {
  return answer.decision === "unknown" ? 503 : 200
}

/**
 * The body's one line: keys in the order that the wire contract wants, empty ones left out. Written out, because the
 * whole object through JSON.stringify takes nearly twice as long, on every request.
 */
export function existsLine(
  answer: ExistsAnswer,
  names: { readonly namespace: string; readonly pvc: string; readonly backend: string },
): string {
  const { exists, decision, authoritative, source, evidence } = answer
  return (
    `{"exists":${exists},"decision":"${decision}","authoritative":${authoritative},` +
    `"namespace":${JSON.stringify(names.namespace)},"pvc":${JSON.stringify(names.pvc)},` +
    `"backend":${JSON.stringify(names.backend)}` +
    (source === undefined || source === "" ? "" : `,"source":${JSON.stringify(source)}`) +
    (decision === "unknown" ? `,"error":${JSON.stringify(answer.error)}` : "") +
    (evidence === undefined ? "" : `,"evidence":${JSON.stringify(evidence)}`) +
    "}\n"
  )
}

const BAD_PATH = "invalid path format, expected /exists/{namespace}/{pvc}"

/** The body of a 400, with every name empty as pvc-plumber has it. */
export const badPathLine = existsLine(unknownAnswer(BAD_PATH), { namespace: "", pvc: "", backend: "" })
