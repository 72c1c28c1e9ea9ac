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
export { verify } from "./verify.js"
export { lostInPacks } from "./lost-in-packs.js"
