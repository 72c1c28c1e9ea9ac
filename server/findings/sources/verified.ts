import type { Fact } from "../finding.js"
import type { FindingSource } from "../finding-keeper.js"
import { HOUR_MS } from "./severity.js"

/** One place of a repository, and when verifies of it came to their end. Unix milliseconds; undefined: never. */
export interface VerifiablePlace {
  readonly directory: string
  /** Without the password nothing can be verified. */
  readonly hasPassword: boolean
  /** By any of the levels. */
  readonly verifiedAt: number | undefined
  /** With every content read. */
  readonly readAt: number | undefined
}

export interface VerifiableRepository {
  readonly name: string
  readonly places: readonly VerifiablePlace[]
}

const DAY_MS = 24 * HOUR_MS
/** Both jobs run more often by themselves, also when one run fails. */
export const VERIFY_OVERDUE_DAYS = 8
export const READ_OVERDUE_DAYS = 45
const MOST_NAMED = 10

/** Repositories that nobody verified, or not for long. From memory and one read of the state database. */
export function verifiedSource(
  repositories: () => readonly VerifiableRepository[],
  now: () => number,
): FindingSource {
  return {
    name: "proofs",
    everyMs: HOUR_MS / 2,
    look: () =>
      repositories().map((repository) => ({
        scope: repository.name,
        facts: verifiedFacts(repository, now()),
      })),
  }
}

/** One fact of a kind for all places of a repository: they have one cause. */
export function verifiedFacts({ name, places }: VerifiableRepository, now: number): Fact[] {
  const able = places.filter(({ hasPassword }) => hasPassword)
  const never = able.filter(({ verifiedAt }) => verifiedAt === undefined)
  const overdue = able.filter(({ verifiedAt }) => isOlder(verifiedAt, VERIFY_OVERDUE_DAYS, now))
  const unread = able.filter(({ verifiedAt, readAt }) => verifiedAt !== undefined && readAt === undefined)
  const readOverdue = able.filter(({ readAt }) => isOlder(readAt, READ_OVERDUE_DAYS, now))
  const blind = places.filter(({ hasPassword }) => !hasPassword)
  const fact = (
    code: string,
    severity: Fact["severity"],
    some: readonly VerifiablePlace[],
    what: string,
    hint: string,
  ): Fact[] =>
    some.length === 0
      ? []
      : [
          {
            code,
            severity,
            subject: { kind: "repository", key: name },
            title: `${subjectOf(name, some.length, places.length)} ${what}`,
            hint,
            evidence: {
              count: some.length,
              directories: some.slice(0, MOST_NAMED).map(({ directory }) => directory),
            },
          },
        ]
  const run = "`cistern runs --job verify` tells why, `cistern run verify` does it now."
  const deep = "`cistern runs --job verify-deep` tells why, `cistern run verify-deep` does it now."
  return [
    ...fact("never_verified", "info", never, "never verified", `${run} It runs by itself each night.`),
    ...fact("verify_overdue", "warning", overdue, `not verified for ${VERIFY_OVERDUE_DAYS} days`, run),
    ...fact("never_read", "info", unread, "never read as a whole", `${deep} It runs by itself each Sunday.`),
    ...fact(
      "read_overdue",
      "warning",
      readOverdue,
      `not read as a whole for ${READ_OVERDUE_DAYS} days`,
      deep,
    ),
    ...fact(
      "not_verifiable",
      "info",
      blind,
      "never verified: the password is not known",
      "Give the repository's password in the document: `password: { file: … }`. Without it only a scrub finds damage.",
    ),
  ]
}

function subjectOf(name: string, some: number, all: number): string {
  return all === 1 ? `${name} was` : `${some} of ${all} repositories of ${name} were`
}

function isOlder(at: number | undefined, days: number, now: number): boolean {
  return at !== undefined && now - at > days * DAY_MS
}
