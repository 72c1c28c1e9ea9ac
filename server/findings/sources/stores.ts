import type { StoreJson } from "../../http/contract/admin.js"
import type { Fact } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { MINUTE_MS, severityOf } from "./severity.js"

/** Whether each store is the filesystem that it was. */
export function storeSource(stores: () => Promise<readonly StoreJson[]>): FindingSource {
  return { name: "stores", everyMs: MINUTE_MS, look: async () => (await stores()).map(fenceReport) }
}

/** What is to be said of the stores' filesystems. */
export function storeAdviceSource(stores: () => Promise<readonly StoreJson[]>): FindingSource {
  return {
    name: "store advice",
    everyMs: 30 * MINUTE_MS,
    look: async () => (await stores()).map(adviceReport),
  }
}

export function fenceReport({ name, path, state, problem, since }: StoreJson): ScopeReport {
  if (problem === null) {
    return state === "ok"
      ? { scope: name, facts: [] }
      : { scope: name, unknown: "it was not looked at yet, or does not answer" }
  }
  const fact: Fact = {
    code: state === "fenced" ? "store_fenced" : problem.code,
    severity: "critical",
    subject: { kind: "store", key: name },
    title: `Store ${name}: ${problem.message}`,
    hint: problem.hint ?? "`cistern stores` tells more.",
    evidence: { path, code: problem.code, since },
  }
  return { scope: name, facts: [fact] }
}

export function adviceReport({ name, facts, problem, advice }: StoreJson): ScopeReport {
  if (facts === null)
    return { scope: name, unknown: problem?.message ?? "the filesystem could not be looked at in time" }
  return {
    scope: name,
    facts: advice.map(({ code, severity, message, hint }) => ({
      code: `store_${code}`,
      severity: severityOf(severity),
      subject: { kind: "store", key: name },
      title: `Store ${name}: ${message}`,
      hint,
      evidence: { filesystem: facts.type, mountPoint: facts.mountPoint },
    })),
  }
}
