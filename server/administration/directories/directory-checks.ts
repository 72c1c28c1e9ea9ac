import type { CheckJson } from "../../http/contract/admin.js"
import type { DirectoryJson } from "../../http/contract/directories.js"

/** More are counted only. */
const MOST_CHECKS = 20

/** What another check of the doctor's says of the whole repository. */
const saidElsewhere: ReadonlySet<string> = new Set(["several_owners", "unreadable_to_daemon"])

/** One check for each directory that is wrong, and one for all that are right. Undefined rows: they could not be had in time. */
export function directoryChecks(rows: readonly DirectoryJson[] | undefined): CheckJson[] {
  if (rows === undefined) {
    const detail = "whose they are could not be found out in time"
    return [{ name: "directories", status: "warn", detail, hint: "Ask again when the disk is less busy." }]
  }
  const judged = rows.map((row) => ({
    row,
    findings: row.findings.filter(({ code }) => !saidElsewhere.has(code)),
  }))
  const wrong = judged.filter(({ findings }) => findings.length > 0)
  const right = judged.filter(({ row, findings }) => findings.length === 0 && row.state === "ok")
  // The worst must be among those that are told.
  const ordered = [...wrong].sort((one, other) => rank(one.findings) - rank(other.findings))
  const checks = ordered.slice(0, MOST_CHECKS).map(({ row, findings }): CheckJson => ({
    name: `directory ${row.store}:${row.path}`,
    status: findings.some(({ severity }) => severity === "fail") ? "fail" : "warn",
    detail: findings.map(({ message }) => message).join("; "),
    hint: findings[0]?.hint ?? null,
  }))
  const more = wrong.length - checks.length
  return [
    ...(right.length === 0
      ? []
      : [
          {
            name: "directories",
            status: "ok" as const,
            detail: `${right.length} ${rightly(right)}`,
            hint: null,
          },
        ]),
    ...checks,
    ...(more === 0
      ? []
      : [
          {
            name: "directories",
            status: "warn" as const,
            detail: `${more} more are wrong`,
            hint: "`cistern directories` lists them all.",
          },
        ]),
  ]
}

function rank(findings: DirectoryJson["findings"]): number {
  return findings.some(({ severity }) => severity === "fail") ? 0 : 1
}

function rightly(rows: readonly { readonly row: DirectoryJson }[]): string {
  const owners = new Set(
    rows.map(({ row }) => (row.actual === null ? "" : `${row.actual.uid}:${row.actual.gid}`)),
  )
  return `${rows.length === 1 ? "belongs" : "belong"} to whom it should: ${[...owners].slice(0, 5).join(", ")}`
}
