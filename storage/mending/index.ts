export { type FileThen, findWhole, type OtherState } from "./find-whole.js"
export { heal, type Healed, type Healing } from "./heal.js"
export type { KeptAside } from "./keep-aside.js"
export { type Proof, proofByHash } from "../proof.js"
