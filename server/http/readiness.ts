import type { ClusterFact } from "../decision/index.js"
import type { ErrorLog } from "./errors.js"

/** Whether the restore repositories of a cluster could be answered for now. */
export interface Readiness {
  ready(cluster: string): { readonly ok: true } | { readonly ok: false; readonly error: string }
}

/** The answer of `/readyz`: of the asking cluster only, so that one cluster's broken repository does not stop another's. */
export function readyResponse(
  readiness: Readiness,
  cluster: ClusterFact,
  log: ErrorLog,
): { status: 200 | 503; body: string } {
  if (cluster.kind === "unclear") return notReady(`cluster unclear: ${cluster.message}`)
  try {
    const state = readiness.ready(cluster.name)
    return state.ok ? { status: 200, body: '{"status":"ok"}\n' } : notReady(state.error)
  } catch (error) {
    log.error({ err: error, cluster: cluster.name }, "readiness could not be told")
    return notReady("internal error")
  }
}

function notReady(error: string): { status: 503; body: string } {
  return { status: 503, body: `${JSON.stringify({ status: "not ready", error })}\n` }
}
