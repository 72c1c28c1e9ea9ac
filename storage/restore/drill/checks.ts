import type { Snapshot } from "../../repository.js"
import type { RestoreResult } from "../outcome.js"

export type CheckName =
  /** Everything of the snapshot was restored. */
  | "restored"
  /** Each file was read back from the disk, and is what was read of the repository. */
  | "read_back"
  | "count"
  | "size"
  | "sentinels"
  | "sqlite"
  /** The real engine restores the same. */
  | "engine"
  | "cleaned_up"

export interface Check {
  readonly name: CheckName
  /** `skipped`: there was nothing to check, or it was not asked for. `unknown`: it could not be told. */
  readonly status: "ok" | "failed" | "unknown" | "skipped"
  readonly detail: string
}

/** Whether everything was restored. */
export function checkRestored({ stopped, failedCount, failed }: RestoreResult): Check {
  if (stopped !== undefined) return { name: "restored", status: "failed", detail: stopped.message }
  if (failedCount === 0) return { name: "restored", status: "ok", detail: "everything was restored" }
  const [first] = failed
  const named = first === undefined ? "" : `: ${shown(first.path)} [${first.code}]`
  return { name: "restored", status: "failed", detail: `${failedCount} entries were not restored${named}` }
}

/** Against what the writer counted, which it does by names: a file with two counts twice. */
export function checkNumbers(snapshot: Pick<Snapshot, "files" | "bytes">, result: RestoreResult): Check[] {
  return [
    compare("count", "files", snapshot.files, result.files),
    compare("size", "bytes", snapshot.bytes, result.bytes + result.linkedBytes),
  ]
}

function compare(name: "count" | "size", what: string, said: number | undefined, is: number): Check {
  if (said === undefined)
    return { name, status: "skipped", detail: `${is} ${what}; the snapshot does not say how many` }
  const isSame = said === is
  return {
    name,
    status: isSame ? "ok" : "failed",
    detail: isSame ? `${is} ${what}` : `${is} ${what} instead of ${said}`,
  }
}

/** One check of many files. `bad` are its findings, of which the first is told. */
export function checkOfMany(
  name: CheckName,
  what: string,
  checked: number,
  bad: readonly string[],
  badCount = bad.length,
): Check {
  if (badCount > 0) {
    const more = badCount > 1 ? ` and ${badCount - 1} more` : ""
    return { name, status: "failed", detail: `${bad[0] ?? ""}${more}` }
  }
  if (checked === 0) return { name, status: "skipped", detail: `no ${what}` }
  return { name, status: "ok", detail: `${checked} ${what}` }
}

export function shown(path: Uint8Array): string {
  return `/${Buffer.from(path).toString("utf8")}`
}
