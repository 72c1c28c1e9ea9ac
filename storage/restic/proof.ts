import { type Proof, proofByHash } from "../proof.js"

const HASH_NAMED = /^(?:data\/([0-9a-f]{2})\/\1|(?:index|snapshots|keys)\/)([0-9a-f]*)$/

/** A file of a repository proves itself by its name (restic-repository-format §2); only `config` does not. */
export function proofOfFile(file: string): Proof | undefined {
  const digest = file.slice(file.lastIndexOf("/") + 1)
  return HASH_NAMED.test(file) && /^[0-9a-f]{64}$/.test(digest)
    ? proofByHash(digest, "the SHA-256 that is its name")
    : undefined
}
