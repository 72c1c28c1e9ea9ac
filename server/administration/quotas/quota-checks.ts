import type { CheckJson } from "../../http/contract/admin.js"
import type { QuotaJson } from "../../http/contract/quotas.js"

/** More are counted only. */
const MOST_CHECKS = 20

/** One check for each directory with something to say about its limit, and one for all that are well within theirs. */
export function quotaChecks(rows: readonly QuotaJson[]): CheckJson[] {
  // That a store or a directory cannot be looked at, or is not there, is said by other checks; without a limit nothing is lost by it.
  const limited = rows.filter(({ findings, limitBytes, declaredBytes, problem }) =>
    problem === null || findings.length > 0
      ? limitBytes !== null || findings.length > 0
      : declaredBytes !== null,
  )
  const told = limited.filter(
    // Whether there is a limit that nobody declared cannot always be told without root, and is no fault.
    ({ state, declaredBytes }) => state !== "missing" && (state !== "unknown" || declaredBytes !== null),
  )
  const wrong = told
    .filter(({ findings, problem }) => findings.length > 0 || problem !== null)
    .sort((one, other) => rank(one) - rank(other))
  const well = told.length - wrong.length
  const more = wrong.length - MOST_CHECKS
  return [
    ...(well === 0 ? [] : [{ name: "quotas", status: "ok" as const, detail: within(well), hint: null }]),
    ...wrong.slice(0, MOST_CHECKS).map(checkOf),
    ...(more <= 0
      ? []
      : [
          {
            name: "quotas",
            status: "warn" as const,
            detail: `${more} more directories have something to say about their limits`,
            hint: "`cistern quotas` lists them all.",
          },
        ]),
  ]
}

function checkOf({ store, path, findings, problem }: QuotaJson): CheckJson {
  const [first] = findings
  return {
    name: `quota ${store}:${path}`,
    status: findings.some(({ severity }) => severity === "fail") ? "fail" : "warn",
    detail:
      first === undefined ? (problem?.message ?? "") : findings.map(({ message }) => message).join("; "),
    hint: first?.hint ?? problem?.hint ?? null,
  }
}

function within(count: number): string {
  return count === 1 ? "1 directory is within its limit" : `${count} directories are within their limits`
}

function rank({ findings }: QuotaJson): number {
  return findings.some(({ severity }) => severity === "fail") ? 0 : 1
}
