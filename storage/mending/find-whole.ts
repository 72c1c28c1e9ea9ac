import { DirectoryTree } from "../blobs/index.js"
import { StorageError, type StorageErrorCode } from "../errors.js"
import type { Proof } from "../proof.js"

/** Another state of the same repository, such as in a filesystem snapshot. */
export interface OtherState {
  /** For people. */
  readonly name: string
  /** Where its root can be read. */
  readonly directory: string
}

/** How a file is in one state of a repository. */
export interface FileThen {
  readonly state: OtherState
  /** `other`: it is read without an error, and its proof does not hold. */
  readonly kind: "whole" | "other" | "absent" | "unreadable"
  /** Of `unreadable`. */
  readonly code?: StorageErrorCode
}

/** Packs of restic may have 128 MiB and more; what is larger is not taken into the memory. */
export const MOST_FILE_BYTES = 512 * 1024 * 1024

/**
 * Looks for a file of a repository in its other states, in their order, up to the first that has it whole. `file` is relative to the
 * repository. Throws what the proof throws.
 */
export async function findWhole(
  file: string,
  states: readonly OtherState[],
  proof: Proof,
  signal?: AbortSignal,
): Promise<readonly FileThen[]> {
  const looked: FileThen[] = []
  for (const state of states) {
    signal?.throwIfAborted()
    const then = await lookAt(file, state, proof)
    looked.push(then)
    if (then.kind === "whole") break
  }
  return looked
}

async function lookAt(file: string, state: OtherState, proof: Proof): Promise<FileThen> {
  let bytes: Uint8Array
  try {
    bytes = await new DirectoryTree(state.directory).read(file, MOST_FILE_BYTES)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return error.code === "missing"
      ? { state, kind: "absent" }
      : { state, kind: "unreadable", code: error.code }
  }
  return { state, kind: (await proof.holds(bytes)) ? "whole" : "other" }
}
