import type { VolumeKey } from "../../db/index.js"
import type { DirectoryJson } from "../../http/contract/directories.js"
import type { QuotaJson } from "../../http/contract/quotas.js"
import type { Fact, Subject } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { HOUR_MS, MINUTE_MS, severityOf } from "./severity.js"

/** Rows of the repositories' directories, whatever they are about. */
type Row = Pick<
  DirectoryJson,
  "store" | "repository" | "path" | "directory" | "volume" | "problem" | "findings"
>

export interface DirectorySourceParts {
  readonly repositories: () => readonly { readonly name: string; readonly cluster: string }[]
  readonly directories: () => Promise<readonly DirectoryJson[]>
  /** Those with a declared limit, as they were found last. */
  readonly quotas: () => readonly QuotaJson[]
}

/** Whose the directories are. A look reads some files of each, so that it is not often. */
export function directorySource(parts: DirectorySourceParts): FindingSource {
  return {
    name: "directories",
    everyMs: 6 * HOUR_MS,
    look: async () => {
      const rows = await parts.directories()
      const isUnknown = ({ state, actual, findings }: DirectoryJson): boolean =>
        state === "unknown" && actual === null && findings.length === 0
      return reportsOf(rows, parts, { prefix: "directory", isUnknown })
    },
  }
}

/** How near they are to their limits, from what was found last. */
export function quotaSource(parts: DirectorySourceParts): FindingSource {
  return {
    name: "quotas",
    everyMs: 5 * MINUTE_MS,
    look: () =>
      reportsOf(parts.quotas(), parts, {
        prefix: "quota",
        isUnknown: ({ lookedAt, findings }) => lookedAt === null && findings.length === 0,
      }),
  }
}

export function reportsOf<R extends Row>(
  rows: readonly R[],
  { repositories }: Pick<DirectorySourceParts, "repositories">,
  { prefix, isUnknown }: { prefix: string; isUnknown: (row: R) => boolean },
): ScopeReport[] {
  return repositories().map(({ name, cluster }) => {
    const own = rows.filter(({ repository }) => repository === name)
    const unlooked = own.filter(isUnknown)
    const [first] = unlooked
    return {
      scope: name,
      facts: own.flatMap((row) => factsOf(row, prefix, cluster)),
      ...(first === undefined
        ? {}
        : {
            unsure: {
              subjects: unlooked.map(subjectOf),
              why: first.problem?.message ?? "it could not be looked at",
            },
          }),
    }
  })
}

function factsOf(row: Row, prefix: string, cluster: string): Fact[] {
  const { store, path, directory, repository, volume } = row
  const volumes: VolumeKey[] = volume === null ? [] : [{ cluster, ...volume }]
  return row.findings.map(({ code, severity, message, hint }) => ({
    code: `${prefix}_${code}`,
    severity: severityOf(severity),
    subject: subjectOf(row),
    title: `${store}:${path}: ${message}`,
    hint,
    evidence: { directory, repository },
    volumes,
  }))
}

function subjectOf({ store, path }: Row): Subject {
  return { kind: "directory", key: `${store}:${path}` }
}
