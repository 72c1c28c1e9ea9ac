import { setTimeout as delay } from "node:timers/promises"
import { StorageError } from "../errors.js"

const MAX_ROUNDS = 10
const MAX_ROUND_TIME_MS = 8_000
/** A file that is being copied in needs a moment to become whole. */
const SECOND_LOOK_MS = 100

/**
 * Tries until an attempt gives a result, because writers are at work: `undefined` says that the repository changed meanwhile. A failure
 * that a writer can cause is thrown only when it is met twice in a row: then it is the state of the repository. Throws `unstable`
 * when nothing of that happens for 8 seconds.
 */
export async function untilStable<T>(
  location: string,
  attempt: () => Promise<T | undefined>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const started = performance.now()
  let failure: StorageError | undefined
  for (let round = 0; round < MAX_ROUNDS && performance.now() - started < MAX_ROUND_TIME_MS; round++) {
    signal?.throwIfAborted()
    try {
      const result = await attempt()
      if (result !== undefined) return result
    } catch (error) {
      if (!(error instanceof StorageError) || !mayHeal(error)) throw error
      if (failure?.code === error.code && failure.message === error.message) throw error
      failure = error
      await delay(SECOND_LOOK_MS, undefined, signal === undefined ? {} : { signal })
    }
  }
  throw new StorageError("unstable", `${location} kept changing while it was read`, {
    facts: { rounds: MAX_ROUNDS },
    hint: "It is tried again; if it stays so, look for a program that writes index blobs all the time.",
  })
}

/** Failures that a writer at work can cause; all others are as they are. */
function mayHeal({ code, facts }: StorageError): boolean {
  if (code === "missing") return facts.file !== ""
  return code === "corrupt" || code === "index_lost" || code === "wrong_password"
}
