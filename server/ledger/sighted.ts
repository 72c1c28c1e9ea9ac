import { createHash } from "node:crypto"
import type { ListedSnapshot } from "./reconcile.js"

/** The complete snapshots of one identity in one listing. */
export type Sighted = Iterable<ListedSnapshot> & {
  /** What `digestOf` gives, where it was worked out already. */
  readonly digest?: string | undefined
}

/** The same as it crosses from thread to thread: most listings show what the one before showed, and are never unpacked. */
export interface PackedSightings {
  readonly bytes: Uint8Array
  readonly digest: string
}

type Row = readonly [id: string, start: string, root: string | null]

export function packSightings(sighted: Iterable<ListedSnapshot>): PackedSightings {
  const rows = Array.from(sighted, ({ id, start, root }): Row => [id, start.toString(), root ?? null])
  // Not from the pool of small buffers, all of which would cross with each of them.
  const bytes = new TextEncoder().encode(JSON.stringify(rows))
  return { bytes, digest: createHash("sha256").update(bytes).digest("base64") }
}

/** Unpacks when, and each time, it is gone through. */
export function unpackSightings({ bytes, digest }: PackedSightings): Sighted {
  return {
    digest,
    *[Symbol.iterator]() {
      const rows = JSON.parse(
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
      ) as Row[]
      for (const [id, start, root] of rows) yield { id, start: BigInt(start), root: root ?? undefined }
    },
  }
}

/** Equal for equal snapshots in equal order, and for nothing else. */
export function digestOf(sighted: Sighted): string {
  return sighted.digest ?? packSightings(sighted).digest
}
