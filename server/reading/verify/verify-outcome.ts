import { StorageError, type StorageErrorCode } from "../../../storage/index.js"
import type { Outcome, RunFacts } from "../../jobs/kind.js"
import type { VerifySummary } from "./verify-report.js"

/** What is to be said of a run that came to its end. */
export function outcomeOf(summary: VerifySummary): Outcome {
  const { snapshots, damaged, problem, blobs, unclear } = summary
  const facts = runFacts(summary)
  if (problem !== undefined) return { outcome: "findings", message: problem.message, facts }
  if (damaged > 0)
    return { outcome: "findings", message: `${damaged} of ${snapshots} snapshots are damaged`, facts }
  const wrong = blobs.reduce((sum, { count }) => sum + count, 0)
  if (wrong > 0 && unclear.count === 0)
    return { outcome: "findings", message: `${wrong} files are damaged that no snapshot needs`, facts }
  return { outcome: "ok", facts }
}

/** What keeps a run from having told of every snapshot; undefined: nothing. What it did tell is true all the same. */
export function shortfallOf({ unclear, snapshots, blobs, damaged }: VerifySummary): StorageError | undefined {
  if (unclear.count === 0 || damaged > 0) return undefined
  const found = (["io", "unreadable", "unsupported"] as const satisfies readonly StorageErrorCode[]).find(
    (code) => blobs.some((group) => group.code === code),
  )
  return new StorageError(
    found ?? "io",
    `of ${unclear.count} of ${snapshots} snapshots something could not be read, so that they are neither proven nor known to be damaged`,
    { hint: "The findings of this repository name the files." },
  )
}

function runFacts({ snapshots, damaged, unclear, unindexed, counts }: VerifySummary): RunFacts {
  const { contents, read, remembered, bytesRead, oldestReadingDays, directories, rounds } = counts
  return {
    ...{ snapshots, damaged, unclear: unclear.count, unindexed: unindexed.count },
    ...{ contents, read, remembered, bytesRead, oldestReadingDays, directories, rounds },
  }
}
