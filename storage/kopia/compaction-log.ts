import { JsonFields, parseJson } from "../bytes/index.js"

/** What one compaction of a repository without epochs replaced by what. */
export interface CompactionLog {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** Parses the plaintext of an `m…` blob (kopia-repository-format §10.1). */
export function parseCompactionLog(bytes: Uint8Array, file: string): CompactionLog {
  const fields = new JsonFields(parseJson(bytes, file), file)
  const ids = (name: string) =>
    (fields.optionalArray(name) ?? []).map((value) => new JsonFields(value, `${file}: ${name}`).string("id"))
  return { inputs: ids("inputMetadata"), outputs: ids("outputMetadata") }
}

/** The index blobs that count: all but the inputs of compactions whose every output is there. */
export function selectUncompacted(indexes: readonly string[], logs: readonly CompactionLog[]): string[] {
  const present = new Set(indexes)
  const replaced = new Set(
    logs.filter(({ outputs }) => outputs.every((id) => present.has(id))).flatMap(({ inputs }) => inputs),
  )
  return indexes.filter((id) => !replaced.has(id))
}

/** So many compactions are remembered; one a day is much. */
const MOST_LOGS = 200

/**
 * Compactions that any listing met, also one that was not taken. Maintenance may remove the log together with what it replaced,
 * between two listings that are taken.
 */
export class RecentLogs {
  readonly #logs = new Map<string, CompactionLog>()

  note(id: string, log: CompactionLog): void {
    this.#logs.delete(id)
    this.#logs.set(id, log)
    const [oldest] = this.#logs.keys()
    if (this.#logs.size > MOST_LOGS && oldest !== undefined) this.#logs.delete(oldest)
  }

  all(): readonly CompactionLog[] {
    return [...this.#logs.values()]
  }
}
