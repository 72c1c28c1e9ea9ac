import { createHash } from "node:crypto"
import { zstdDecompress } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { LONGEST_CONTENT } from "../longest-content.js"
import type { ContentOpener, StoredItem } from "../stored-contents.js"
import { checkPackEnd } from "./pack-end.js"
import { openSealed, SEAL_LENGTH, type SealKey } from "./sealed.js"

export interface ResticOpenerSpec {
  readonly engine: "restic"
  readonly key: SealKey
}

/** Trees are not cut: one has what its directory needs. */
const LONGEST_TREE = 512 * 1024 * 1024

export function resticOpener({ key }: ResticOpenerSpec): ContentOpener {
  return {
    longest: ({ content }) => longestOf(content),
    check(item, sealed, file) {
      checkBlob(key, item, sealed, file)
    },
    checkEnd: (read, length, file) => checkPackEnd(key, read, length, file),
  }
}

function longestOf(content: string): number {
  return content.startsWith("tree/") ? LONGEST_TREE : LONGEST_CONTENT
}

function checkBlob(key: SealKey, item: StoredItem, sealed: Uint8Array, file: string): void {
  const { content, length, plainLength } = item
  const damaged = (what: string): StorageError =>
    new StorageError("corrupt", `${file}: blob ${content} ${what}`, {
      facts: { file, content, offset: item.offset },
      hint: "Restore the pack from a copy of the repository.",
    })
  if (length < SEAL_LENGTH || Math.max(length, plainLength ?? 0) > longestOf(content))
    throw damaged(`cannot have ${length} bytes`)
  const opened = openSealed(key, sealed)
  if (opened === undefined) throw damaged("does not decrypt")
  const plain =
    plainLength === undefined ? opened : zstdDecompress(opened, plainLength, `${file}: blob ${content}`)
  if (plainLength !== undefined && plain.length !== plainLength)
    throw damaged(`has ${plain.length} bytes, its index says ${plainLength}`)
  if (createHash("sha256").update(plain).digest("hex") !== content.slice(content.indexOf("/") + 1))
    throw damaged("does not have the hash that is its name")
}
