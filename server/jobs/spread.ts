import { createHash } from "node:crypto"

/** Milliseconds from 0 to less than `windowMs` by which this subject's runs of this kind come later: always the same. */
export function spreadOf(kind: string, subject: string, windowMs: number): number {
  if (windowMs <= 0) return 0
  const hash = createHash("sha256").update(`${kind}\0${subject}`).digest().readUIntBE(0, 6)
  return Math.floor((hash / 2 ** 48) * windowMs)
}
