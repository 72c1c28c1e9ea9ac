import type { OpenOptions } from "../repository.js"
import { KopiaRepository } from "./repository.js"

export { createKopia, restoreByKopia } from "./commands.js"
export { FORMAT_FILES, type KopiaHead, readKopiaHead } from "./head.js"
export { looksLikeKopia } from "./locate.js"
export { lastingMarks } from "./marks.js"
export type { KopiaPolicy } from "./policy.js"
export { KopiaRepository } from "./repository.js"
export { SHARDS_FILE } from "./shards.js"

/** A Kopia repository at a place. Nothing is read before the first `list`. */
export function openKopia(options: OpenOptions): KopiaRepository {
  return new KopiaRepository(options)
}
