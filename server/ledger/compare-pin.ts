import type { Pin } from "../db/index.js"

/**
 * `same`: the pinned repository. `learned`: the pinned one, of which more or something new is known now (its id, since the
 * password came; another set of keys), to be pinned instead. `other`: another repository.
 */
export type PinComparison = "same" | "learned" | "other"

/**
 * Decides by the repository's id where both know it, and by the fingerprint where restic's password is missing on one side.
 * Without it a new key and a new repository cannot be told apart; then it is another repository.
 */
export function comparePin(pinned: Pin, seen: Pin): PinComparison {
  if (pinned.engine !== seen.engine) return "other"
  const sameFingerprint = pinned.fingerprint === seen.fingerprint
  if (pinned.repositoryId === "" || seen.repositoryId === "") {
    if (!sameFingerprint) return "other"
    return pinned.repositoryId === seen.repositoryId || seen.repositoryId === "" ? "same" : "learned"
  }
  if (pinned.repositoryId !== seen.repositoryId) return "other"
  return sameFingerprint ? "same" : "learned"
}
