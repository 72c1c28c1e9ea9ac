import type { StorageErrorCode } from "../errors.js"
import type { Instant } from "../instant.js"
import type { FailedReading, Reading } from "./read-file.js"

/** What a reader is to read, and what it must find. */
export interface Errand {
  readonly path: string
  /** Undefined: nobody knows yet. */
  readonly sha256: string | undefined
  /** Where the engine writes a file again: `sha256` is of the file with this time, another one is new. */
  readonly ifModified: Instant | undefined
  /** It is encrypted: what is empty or holds a page of zeros is damaged, whatever it must be. */
  readonly sealed: boolean
}

/** What a reader found, after a second reading where the first one was not as it must be. */
export type Look =
  | {
      readonly kind: "read"
      readonly reading: Reading
      /** `new`: there was nothing to compare with. */
      readonly is: "right" | "wrong" | "new"
      /** The first reading was wrong or failed: memory, cable or disk. */
      readonly unsteady: boolean
    }
  /** It is being written. */
  | { readonly kind: "changing" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly code: StorageErrorCode }
  | { readonly kind: "stopped" }

/** Reads a file, and once more before anything bad is said of it. Pure but for `read`. */
export function lookTwice(errand: Errand, read: (path: string) => Reading | FailedReading): Look {
  const first = read(errand.path)
  const early = settled(errand, first, false)
  if (early !== undefined) return early
  const second = read(errand.path)
  const late = settled(errand, second, true)
  if (late !== undefined) return late
  if ("code" in second) return { kind: "failed", code: second.code === "stopped" ? "io" : second.code }
  if (!second.held || ("sha256" in first && isAnother(first, second))) return { kind: "changing" }
  return {
    kind: "read",
    reading: second,
    is: "wrong",
    unsteady: "code" in first || first.sha256 !== second.sha256,
  }
}

/** The look that a reading settles by itself; undefined where it must be read again or be judged. */
function settled(errand: Errand, reading: Reading | FailedReading, unsteady: boolean): Look | undefined {
  if ("code" in reading) {
    if (reading.code === "missing") return { kind: "gone" }
    return reading.code === "stopped" ? { kind: "stopped" } : undefined
  }
  const isNew = errand.sha256 === undefined || (errand.ifModified ?? reading.modified) !== reading.modified
  if (isNew) {
    const cannotBe = errand.sealed && (reading.length === 0 || reading.hasZeroPage)
    return reading.held && !cannotBe ? { kind: "read", reading, is: "new", unsteady } : undefined
  }
  return reading.sha256 === errand.sha256 ? { kind: "read", reading, is: "right", unsteady } : undefined
}

function isAnother(first: Reading, second: Reading): boolean {
  return !first.held || first.length !== second.length || first.modified !== second.modified
}
