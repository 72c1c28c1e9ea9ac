import type { Instant } from "../instant.js"
import type { BlobRecord } from "./ledger.js"
import type { Errand, Look } from "./look.js"
import type { Reading } from "./read-file.js"
import type { Damage, StoredFile, Unread } from "./stored-file.js"

/** By which a file that is being written is told from one that is not. Undefined: it changed while it was read. */
export type FileState = Pick<Reading, "length" | "modified"> | undefined

/** What a look at a file means. */
export type Verdict =
  /** It has the bytes that it must have. */
  | { readonly kind: "right"; readonly record: BlobRecord; readonly unsteady: boolean }
  /** It was read, and nothing tells what it must be; with a ledger, it is remembered as it is now. */
  | { readonly kind: "first"; readonly record: BlobRecord; readonly unsteady: boolean }
  | { readonly kind: "bad"; readonly code: Damage["code"] }
  | { readonly kind: "unread"; readonly code: Unread["code"] }
  /** Somebody may be writing it: to be looked at again, when it has had time to settle. */
  | { readonly kind: "unsettled"; readonly as: FileState }
  /** The engine removed it. */
  | { readonly kind: "gone" }
  | { readonly kind: "stopped" }

/** No engine writes files in place, but programs that copy repositories do, and pause no longer than this. */
const YOUNG_MS = 120_000

/** What a reader is to find, by name, manifest or ledger. */
export function errandFor(file: StoredFile, record: BlobRecord | undefined): Errand {
  const { path, sha256, rewritten, sealed } = file
  if (sha256 !== undefined || record === undefined) return { path, sha256, ifModified: undefined, sealed }
  return { path, sha256: record.sha256, ifModified: rewritten ? record.modified : undefined, sealed }
}

/** Pure. `now` in milliseconds; `earlier`: how it was before it had its time to settle, where it was unsettled then. */
export function judge(
  record: BlobRecord | undefined,
  look: Look,
  { now, earlier }: { readonly now: number; readonly earlier?: FileState },
): Verdict {
  switch (look.kind) {
    case "stopped":
    case "gone":
      return { kind: look.kind }
    case "changing":
      return { kind: "unsettled", as: undefined }
    case "failed":
      if (look.code === "unreadable" || look.code === "timeout") return { kind: "unread", code: look.code }
      return { kind: "bad", code: look.code === "corrupt" ? "corrupt" : "io" }
    case "read":
  }
  const { sha256, length, modified } = look.reading
  if (look.is === "wrong") {
    const hasSettled = earlier?.length === length && earlier.modified === modified
    return isYoung(modified, now) && !hasSettled
      ? { kind: "unsettled", as: { length, modified } }
      : { kind: "bad", code: "corrupt" }
  }
  const firstSeen = look.is === "new" ? now : (record?.firstSeen ?? now)
  const seen = { sha256, length, modified, firstSeen, lastChecked: now }
  return { kind: look.is === "new" ? "first" : "right", record: seen, unsteady: look.unsteady }
}

function isYoung(modified: Instant, now: number): boolean {
  const age = now - Number(modified / 1_000_000n)
  return age >= 0 && age < YOUNG_MS
}
