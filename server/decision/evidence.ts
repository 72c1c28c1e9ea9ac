import { formatInstant } from "../../storage/instant.js"
import type { DecisionFacts, ProofFact } from "./facts.js"

/** What `?evidence=1` shows (design 5.1). `null`: not measured or not there. Times in RFC 3339, sizes in bytes. */
export interface Evidence {
  readonly repository: string | null
  /** Complete snapshots of the looked-up identity. */
  readonly snapshots: number | null
  readonly newest: string | null
  readonly oldest: string | null
  readonly bytes: number | null
  readonly files: number | null
  readonly verified: string | null
  readonly drilled: string | null
  /** A reason's code for `unknown`; for `fresh` and `restore` on what they rest. */
  readonly reason: string
}

/** Collects what is known, whatever was decided. */
export function evidenceOf(facts: DecisionFacts, reason: string): Evidence {
  const restore = facts.restore.kind === "repository" ? facts.restore.facts : undefined
  const listed = restore?.listing.kind === "listed" ? restore : undefined
  const picked = listed?.pick.kind === "snapshot" ? listed.pick.candidates[0] : undefined
  const { newestComplete, oldest } = listed?.history ?? {}
  return {
    repository: restore?.name ?? null,
    snapshots: listed?.history.complete ?? null,
    newest: newestComplete === undefined ? null : formatInstant(newestComplete),
    oldest: oldest === undefined ? null : formatInstant(oldest),
    bytes: picked?.bytes ?? null,
    files: picked?.files ?? null,
    verified: provenAt(facts.verified),
    drilled: provenAt(facts.drilled),
    reason,
  }
}

function provenAt(proof: ProofFact): string | null {
  return proof.kind === "at" && proof.ok ? formatInstant(proof.time) : null
}
