import { askedOnce } from "../asked-once.js"
import type { FileTree } from "../blobs/index.js"
import { Column, IdTable } from "../bytes/index.js"
import { lossOf, type LostContents } from "../lost-contents.js"
import { type BlobType, KEY_LENGTH, keyOf } from "./blob-index.js"
import { readIndex } from "./index-reader.js"
import { packPath } from "./pack-path.js"
import type { SealKey } from "./sealed.js"

interface Sources {
  readonly files: FileTree
  readonly key: SealKey
  readonly indexFiles: readonly string[]
}

const TOLD_ELSEWHERE = 1

/** The blobs that one index file tells of and no other, or others only in packs that are not there. Throws as `readIndex` does. */
export async function lossOfIndex(
  { files, key, indexFiles }: Sources,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LostContents> {
  const isThere = askedOnce(async (pack) => (await files.stat(packPath(pack))) !== undefined)
  const told = new IdTable(KEY_LENGTH)
  const elsewhere = new Column()
  for (const { blobs } of (await readIndex(files, { name }, key)).packs)
    for (const { type, id } of blobs) told.add(keyOf(type, id))
  for (const other of indexFiles) {
    if (other === name) continue
    signal?.throwIfAborted()
    for (const { id: pack, blobs } of (await readIndex(files, { name: other }, key)).packs) {
      for (const { type, id } of blobs) {
        const row = told.rowOf(keyOf(type, id))
        if (row !== undefined && (await isThere(pack))) elsewhere.set(row, TOLD_ELSEWHERE)
      }
    }
  }
  let count = 0
  for (let row = 0; row < told.size; row++) if (elsewhere.get(row) !== TOLD_ELSEWHERE) count++
  return lossOf({
    blob: name,
    file: `index/${name}`,
    kind: "index",
    count,
    has: (content) => {
      const [, type, id] = /^(data|tree)\/([0-9a-f]{64})$/.exec(content) ?? []
      const row = id === undefined ? undefined : told.rowOf(keyOf(type as BlobType, id))
      return row !== undefined && elsewhere.get(row) !== TOLD_ELSEWHERE
    },
    ...(count === 0
      ? {}
      : {
          recovery:
            "Packs say themselves what is in them: `restic repair index` (0.16 and newer; before: `restic rebuild-index`) reads it from there.",
        }),
  })
}
