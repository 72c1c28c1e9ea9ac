import { LONGEST_CONTENT } from "../longest-content.js"
import type { ContentOpener } from "../stored-contents.js"
import { Decryption } from "./decryption.js"
import { openPackEnd } from "./pack-end.js"
import type { RepositoryFormat } from "./repository-format.js"
import { refuseTooLong } from "./too-long.js"

export interface KopiaOpenerSpec {
  readonly engine: "kopia"
  readonly format: RepositoryFormat
}

export async function kopiaOpener({ format }: KopiaOpenerSpec): Promise<ContentOpener> {
  const decryption = await Decryption.of(format)
  return {
    longest: () => LONGEST_CONTENT,
    check(item, stored, file) {
      const { content: contentId, length: packedLength, plainLength: originalLength = 0 } = item
      refuseTooLong({ contentId, packedLength, originalLength }, file)
      const { compression, keyId: encryptionKeyId } = item
      const place = { pack: file, offset: item.offset, packedLength, originalLength }
      const entry = { contentId, timestamp: 0, deleted: false, ...place, compression, encryptionKeyId }
      decryption.openContent(entry, stored, file)
    },
    checkEnd: (read, length, file) => openPackEnd(decryption, read, length, file),
  }
}
