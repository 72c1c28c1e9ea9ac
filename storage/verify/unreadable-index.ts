import { StorageError } from "../errors.js"
import type { Listing } from "../repository.js"
import type { VerifyLevel, VerifyResult } from "./types.js"

/** Whether an error says that the metadata itself is damaged: then nothing can be restored, and that is an answer. */
export function isDamagedMetadata(error: unknown): error is StorageError {
  return error instanceof StorageError && (error.code === "corrupt" || error.code === "index_lost")
}

/** What is to be said when the indexes cannot be read: no engine restores anything without them. `listing`: as far as it was possible. */
export function withoutIndex(
  error: StorageError,
  listing: Listing | undefined,
  facts: { readonly engine: "kopia" | "restic"; readonly level: VerifyLevel; readonly at: number },
): VerifyResult {
  const code = error.code === "index_lost" ? "index_lost" : "corrupt"
  const file = error.facts["file"]
  return {
    ...facts,
    repositoryId: listing?.repositoryId ?? "",
    ok: false,
    snapshots: (listing?.snapshots ?? []).map((snapshot) => ({
      snapshot,
      ok: false,
      level: facts.level,
      damaged: [{ path: new Uint8Array(), code }],
      beyond: 0,
      reasons: [code],
    })),
    bad: [{ blob: typeof file === "string" ? file : "", code, contents: 0 }],
    badBeyond: 0,
    unindexed: [],
    counts: {
      contents: 0,
      read: 0,
      remembered: 0,
      bytesRead: 0,
      oldestReadingDays: 0,
      directories: 0,
      rounds: 2,
    },
    problem: error,
  }
}
