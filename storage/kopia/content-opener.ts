import { StorageError } from "../errors.js"
import { LONGEST_CONTENT } from "../longest-content.js"
import type { ContentOpener } from "../stored-contents.js"
import { Decryption } from "./decryption.js"
import { openPackEnd } from "./pack-end.js"
import type { RepositoryFormat } from "./repository-format.js"

export interface KopiaOpenerSpec {
  readonly engine: "kopia"
  readonly format: RepositoryFormat
}

export async function kopiaOpener({ format }: KopiaOpenerSpec): Promise<ContentOpener> {
  const decryption = await Decryption.of(format)
  return {
    check(item, stored, file) {
      const { content: contentId, length: packedLength, plainLength: originalLength = 0 } = item
      if (Math.max(packedLength, originalLength) > LONGEST_CONTENT) {
        throw new StorageError(
          "corrupt",
          `${file}: content ${contentId} is longer than any engine makes one`,
          {
            facts: { file, content: contentId },
          },
        )
      }
      const { compression, keyId: encryptionKeyId } = item
      const place = { pack: file, offset: item.offset, packedLength, originalLength }
      const entry = { contentId, timestamp: 0, deleted: false, ...place, compression, encryptionKeyId }
      decryption.openContent(entry, stored, file)
    },
    checkEnd: (read, length, file) => openPackEnd(decryption, read, length, file),
  }
}
