import { Column, IdTable, NumberedNames } from "../bytes/index.js"
import type { SnapshotTrees, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { keyOf } from "./directory-graph.js"
import type { DamageReason } from "./types.js"

/** No splitter makes smaller pieces, so that what is shorter is one content, and costs nothing to look at again. */
const SHORTEST_PIECE = 64 * 1024
const WHOLE = 0

/** Says of entries whether they are damaged themselves, whatever is below them. Of a long file only once what its index has to tell. */
export class OwnDamage {
  readonly #contents: SnapshotTrees
  readonly #isLost: (content: string) => boolean
  readonly #long = new IdTable(32)
  readonly #verdicts = new Column()
  readonly #reasons = new NumberedNames()

  constructor(contents: SnapshotTrees, isLost: (content: string) => boolean) {
    this.#contents = contents
    this.#isLost = isLost
  }

  /** Undefined when nothing of it is lost. */
  async of(entry: SnapshotEntry): Promise<DamageReason | undefined> {
    if (entry.content.length !== 1 || entry.size < SHORTEST_PIECE) return this.#look(entry)
    const key = keyOf(entry)
    const row = this.#long.rowOf(key)
    if (row !== undefined) {
      const verdict = this.#verdicts.get(row)
      return verdict === WHOLE ? undefined : (this.#reasons.nameOf(verdict - 1) as DamageReason)
    }
    const reason = await this.#look(entry)
    // Only now, because another look at it may have begun meanwhile.
    this.#verdicts.set(this.#long.add(key), reason === undefined ? WHOLE : this.#reasons.numberOf(reason) + 1)
    return reason
  }

  async #look(entry: SnapshotEntry): Promise<DamageReason | undefined> {
    try {
      for await (const part of this.#contents.parts(entry)) if (this.#isLost(part)) return "lost"
      return undefined
    } catch (error) {
      if (error instanceof StorageError) return error.code
      throw error
    }
  }
}
