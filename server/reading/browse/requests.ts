import type { ArchiveFormat, ArchiveLoss } from "../../../storage/browse/index.js"
import type { ByteRange } from "../../../storage/index.js"

/** A place in a snapshot. */
export interface Spot {
  /** An id, the beginning of one, or `latest`. */
  readonly snapshot: string
  /** Without "/" at its ends; "" for the root. */
  readonly path: string
}

/** What is asked of a browsing thread. Plain: it crosses by structured clone. */
export type BrowseRequest = {
  /** Only snapshots of these identities (`identityText`) are there; undefined: all. */
  readonly only: readonly string[] | undefined
} & (
  | {
      readonly kind: "page"
      readonly at: Spot
      readonly after: Uint8Array | undefined
      readonly limit: number
    }
  | { readonly kind: "entries"; readonly at: Spot; readonly recursive: boolean; readonly sha256: boolean }
  | {
      readonly kind: "found"
      readonly pattern: string
      readonly under: string
      readonly ignoreCase: boolean
      readonly snapshot: string | undefined
      readonly identity: string | undefined
    }
  | { readonly kind: "differences"; readonly before: Spot; readonly after: Spot; readonly metadata: boolean }
  | {
      readonly kind: "file"
      readonly at: Spot
      /** Of HTTP's headers `Range` and `If-Range`. */
      readonly range: string | undefined
      readonly ifRange: string | undefined
    }
  | {
      readonly kind: "archive"
      readonly at: Spot
      readonly format: ArchiveFormat
      readonly damaged: "stop" | "skip"
    }
  | { readonly kind: "impact"; readonly file: string; readonly most: number; readonly place: string }
)

/** What is known of an answer before its first byte. */
export type BrowseHead =
  | { readonly kind: "json" }
  /** Lines of JSON: see `linesOf`. */
  | { readonly kind: "lines" }
  | {
      readonly kind: "file"
      readonly name: Uint8Array
      /** Of the whole file. */
      readonly size: number
      /** What of it follows; undefined: all. `unsatisfiable`: nothing does. */
      readonly range: ByteRange | "unsatisfiable" | undefined
      /** Equal for equal contents. */
      readonly tag: string
    }
  | { readonly kind: "archive"; readonly name: Uint8Array; readonly format: ArchiveFormat }

/** Something of an archive that its bytes do not show. */
export type BrowseNote =
  | { readonly kind: "left_out"; readonly path: Uint8Array; readonly code: string; readonly message: string }
  | { readonly kind: "loss"; readonly path: Uint8Array; readonly loss: ArchiveLoss }
