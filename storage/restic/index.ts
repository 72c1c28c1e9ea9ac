export type { IndexedBlob, IndexedPack } from "./index-file.js"
export type { Index } from "./index-reader.js"
export { looksLikeRestic } from "./layout.js"
export { openRestic, type ResticRepository } from "./repository.js"
