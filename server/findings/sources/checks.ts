import type { CheckJson } from "../../http/contract/admin.js"
import type { Fact, Subject } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { MINUTE_MS, severityOf } from "./severity.js"

/** What the doctor checks and no list of findings tells, by the names of the checks. */
const KINDS: readonly { readonly name: RegExp; readonly code: string; readonly kind: string }[] = [
  { name: /^filesystem snapshots of store (.+)$/, code: "filesystem_snapshots", kind: "store" },
  { name: /^held filesystem snapshots of store (.+)$/, code: "filesystem_snapshots_held", kind: "store" },
  { name: /^roll back (.+)$/, code: "roll_back_interrupted", kind: "roll back" },
  { name: /^files of repository (.+)$/, code: "files_of_several_owners", kind: "repository" },
  { name: /^index files of repository (.+)$/, code: "many_index_files", kind: "repository" },
  { name: /^ledger copy in store (.+)$/, code: "ledger_copy", kind: "store" },
  { name: /^(NFS clients)$/, code: "nfs_strangers", kind: "nfs server" },
  { name: /^(state directory lasts)$/, code: "state_not_durable", kind: "state" },
  { name: /^(ledger is written)$/, code: "ledger_not_written", kind: "state" },
  { name: /^(cache is written)$/, code: "cache_not_written", kind: "state" },
]

/** The doctor looks for two seconds at what may take longer. */
const NOT_IN_TIME = /could not be found out in time$/

export function checkSource(
  name: string,
  checks: () => Promise<readonly CheckJson[]> | readonly CheckJson[],
  everyMs = 30 * MINUTE_MS,
): FindingSource {
  return { name, everyMs, look: async () => [checkReport(await checks())] }
}

export function checkReport(checks: readonly CheckJson[]): ScopeReport {
  const unsure = checks.filter(({ detail }) => NOT_IN_TIME.test(detail))
  const [first] = unsure
  return {
    scope: "daemon",
    facts: checks.flatMap((check) => (unsure.includes(check) ? [] : factOf(check))),
    ...(first === undefined
      ? {}
      : {
          unsure: {
            subjects: unsure.map((check) => namedBy(check).subject),
            why: `${first.name}: ${first.detail}`,
          },
        }),
  }
}

function factOf(check: CheckJson): Fact[] {
  const { name, status, detail, hint } = check
  if (status === "ok") return []
  return [
    {
      ...namedBy(check),
      severity: severityOf(status),
      title: `${name}: ${detail}`,
      hint: hint ?? "`cistern doctor` tells more.",
    },
  ]
}

function namedBy({ name }: CheckJson): { code: string; subject: Subject } {
  for (const kind of KINDS) {
    const key = kind.name.exec(name)?.[1]
    if (key !== undefined) return { code: kind.code, subject: { kind: kind.kind, key } }
  }
  return { code: "check", subject: { kind: "check", key: name } }
}
