export type {
  BadBlob,
  DamageCode,
  DamagedSnapshotPath,
  UnindexedPack,
  VerifiedSnapshot,
  VerifyLevel,
  VerifyMemory,
  VerifyOptions,
  VerifyProgress,
  VerifyResult,
} from "./types.js"
export { memoryFile } from "./memory-file.js"
export { isUnclear } from "./unclear.js"
export { verify } from "./verify.js"
export { lostInPacks } from "./lost-in-packs.js"
