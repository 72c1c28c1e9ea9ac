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
