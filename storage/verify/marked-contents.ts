import type { SnapshotTrees, SnapshotEntry } from "../contents.js"
import { StorageError, type StorageErrorCode } from "../errors.js"
import type { DamageReason } from "../impact/index.js"
import type { ContentStates } from "./content-states.js"
import type { Misfits } from "./misfits.js"
import type { DamageCode } from "./types.js"

// The impact says of what cannot be read with which code, and knows nothing of ours. Two have none of their own there.
const told: Record<DamageCode, StorageErrorCode> = {
  missing: "missing",
  truncated: "invalid",
  not_indexed: "index_lost",
  corrupt: "corrupt",
  io: "io",
  unreadable: "unreadable",
  unsupported: "unsupported",
}

/** The same contents, in which everything that was found damaged cannot be read, with the code that was found. */
export function markedContents(
  contents: SnapshotTrees,
  states: ContentStates,
  misfits: Misfits,
): SnapshotTrees {
  async function* parts(entry: SnapshotEntry): AsyncGenerator<string> {
    if (misfits.has(entry)) throw new StorageError("corrupt", "an entry that contradicts what it consists of")
    for await (const part of contents.parts(entry)) {
      const loss = states.lossOfContent(part)
      if (loss !== undefined) throw new StorageError(told[loss], `${part} is lost`)
      yield part
    }
  }
  return {
    root: (snapshot) => contents.root(snapshot),
    list: (directory) => contents.list(directory),
    parts,
  }
}

/** What was found, of a reason that the impact gives. */
export function damageOf(reason: DamageReason): string {
  return Object.entries(told).find(([, code]) => code === reason)?.[0] ?? reason
}
