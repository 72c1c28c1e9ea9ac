import type { Writer } from "../repository.js"
import type { PackFile } from "../stored-contents.js"
import type { UnindexedPack } from "./types.js"

const HOUR_NS = 3_600_000_000_000n
/** Every engine has indexed a pack long before, but for sessions that go on: kopia itself takes older ones away. */
const YOUNG_NS = 24n * HOUR_NS
/** How long kopia itself believes a session's marker without a sign of life. */
const SESSION_NS = 96n * HOUR_NS

/**
 * Of the packs that no index names those that no writer of now can have left. A killed writer leaves such packs, too, so they are no
 * damage; but where an index blob was lost they are all that is left to see of it.
 */
export function unindexedOf(
  packs: readonly PackFile[],
  writers: readonly Writer[],
  nowMs: number,
): UnindexedPack[] {
  const now = BigInt(Math.round(nowMs)) * 1_000_000n
  const living = writers.filter(({ lastSeen }) => now - lastSeen < SESSION_NS)
  return packs
    .filter(({ id, modified }) => {
      if (now - modified < YOUNG_NS) return false
      // Kopia's packs bear the name of their session; restic's may be any living writer's, until it has published them.
      return !living.some(
        (writer) => id.endsWith(`-${writer.id}`) || (!id.includes("-") && modified >= writer.lastSeen),
      )
    })
    .map(({ file, length }) => ({ blob: file, bytes: length }))
    .sort((one, other) => (one.blob < other.blob ? -1 : 1))
}
