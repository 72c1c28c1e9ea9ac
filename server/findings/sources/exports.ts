import { exportName } from "../../config/index.js"
import type { ExportJson, ExportsJson } from "../../http/contract/admin.js"
import type { Fact, Severity } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { MINUTE_MS } from "./severity.js"

const SCOPE = "declared"

/** What is declared to be exported and is not so. That somebody else serves them was declared; nothing is wrong with it. */
export function exportSource(exports: () => Promise<ExportsJson>): FindingSource {
  return { name: "exports", everyMs: 5 * MINUTE_MS, look: async () => [exportReport(await exports())] }
}

export function exportReport({ exports, problem }: ExportsJson): ScopeReport {
  const told = exports.filter((one) => one.problem?.code !== "exports_not_kept")
  const unsure = told.filter(({ state }) => state === "unknown")
  const why = unsure[0]?.problem?.message ?? ""
  return {
    scope: SCOPE,
    facts: [
      ...(problem === null || exports.length === 0 ? [] : [serverFact(problem)]),
      ...told.flatMap((one) => (one.state === "unknown" ? [] : exportFacts(one))),
    ],
    ...(unsure.length === 0 ? {} : { unsure: { subjects: unsure.map(subjectOf), why } }),
  }
}

function serverFact({ code, message, hint }: NonNullable<ExportsJson["problem"]>): Fact {
  return {
    code: "exports_not_applied",
    severity: "critical",
    subject: { kind: "nfs server", key: "exports" },
    title: `The exports cannot be kept as declared: ${message}`,
    hint: hint ?? "What to do by hand: `cistern exports steps`.",
    evidence: { code },
  }
}

function exportFacts(one: ExportJson): Fact[] {
  const { problem, directory, state, cluster } = one
  if (problem === null) return []
  return [
    {
      code: `export_${problem.code}`,
      severity: severityOf(one, problem.code),
      subject: subjectOf(one),
      title: `Export ${exportName(one)}: ${problem.message}`,
      hint: problem.hint ?? "`cistern exports` tells more.",
      evidence: { directory, state, cluster },
    },
  ]
}

/** What is withheld has its reason elsewhere; that movers cannot work, or strangers can, is worse. */
function severityOf({ state }: ExportJson, code: string): Severity {
  return state === "withheld" && code !== "exported_all_the_same" ? "warning" : "critical"
}

function subjectOf(one: ExportJson): Fact["subject"] {
  return { kind: "export", key: exportName(one) }
}
