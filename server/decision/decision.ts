import { CertainAbsence } from "./absence.js"
import { type Evidence, evidenceOf } from "./evidence.js"
import type { DecisionFacts } from "./facts.js"
import { AdministratorsWord } from "./fresh-once.js"
import { CertainPresence } from "./presence.js"
import { firstObstacle, type Obstacle, type Obstacles, type ReasonCode } from "./reasons.js"

/** The mover would restore this volume's newest backup. Takes a proof to make; the private field keeps look-alikes out. */
export class Restore {
  readonly decision = "restore"
  readonly source: string
  readonly evidence: Evidence
  readonly #proof: CertainPresence

  constructor(proof: CertainPresence, source: string, evidence: Evidence) {
    this.#proof = proof
    this.source = source
    this.evidence = evidence
  }

  /** The snapshot that the mover would take. */
  get snapshot(): CertainPresence["snapshot"] {
    return this.#proof.snapshot
  }
}

/** The volume has no backup, or an administrator said that it may start empty. Takes a proof to make, as `Restore` does. */
export class Fresh {
  readonly decision = "fresh"
  readonly source: string
  readonly evidence: Evidence
  readonly #proof: CertainAbsence | AdministratorsWord

  constructor(proof: CertainAbsence | AdministratorsWord, source: string, evidence: Evidence) {
    this.#proof = proof
    this.source = source
    this.evidence = evidence
  }

  get rests(): "nothing_found" | "first_backup" | "fresh_once" {
    return this.#proof.rests
  }
}

/** No certain answer: the first reason that applies, and what would make it certain. */
export interface Unknown {
  readonly decision: "unknown"
  /** Empty when no repository is known that could be looked into. */
  readonly source: string
  readonly evidence: Evidence
  readonly reason: ReasonCode
  readonly message: string
  readonly hint: string
  /** Everything that stands in the way, for pages; the told one is among them. */
  readonly obstacles: readonly Obstacle[]
  /** For the wire's `error`: code, message and hint on one line. Never empty. */
  readonly error: string
}

export type Decision = Restore | Fresh | Unknown

/**
 * The answer for one volume (design 5.2). Pure: the same facts give the same answer. A fact that was not measured never
 * helps towards `restore` or `fresh`, save damage and findings, which only later work measures.
 */
export function decide(facts: DecisionFacts): Decision {
  const { cluster, restore } = facts
  if (cluster.kind === "unclear") return unknown(facts, [{ code: "cluster_unclear", ...cluster }])

  const source = restore.kind === "repository" ? restore.facts.lookup : ""
  const word = AdministratorsWord.of(facts.freshOnce)
  if (word !== undefined) return new Fresh(word, source, evidenceOf(facts, word.rests))

  if (restore.kind === "none") return unknown(facts, [{ code: "no_restore_repository", ...restore }])

  if (restore.facts.pick.kind === "snapshot") {
    const proof = CertainPresence.prove(restore.facts, facts.volume)
    if (!(proof instanceof CertainPresence)) return unknown(facts, proof)
    return new Restore(proof, source, evidenceOf(facts, "complete_snapshot"))
  }
  const proof = CertainAbsence.prove({ ...facts, restore })
  if (!(proof instanceof CertainAbsence)) return unknown(facts, proof)
  return new Fresh(proof, source, evidenceOf(facts, proof.rests))
}

function unknown(facts: DecisionFacts, obstacles: Obstacles): Unknown {
  const { code, message, hint } = firstObstacle(obstacles)
  return {
    decision: "unknown",
    source: facts.restore.kind === "repository" ? facts.restore.facts.lookup : "",
    evidence: evidenceOf(facts, code),
    reason: code,
    message,
    hint,
    obstacles,
    error: `${code}: ${message} ${hint}`,
  }
}
