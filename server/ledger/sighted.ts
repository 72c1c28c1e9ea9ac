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

const LEAST_BYTES = 4096

/**
 * Packs the snapshots of many identities one after the other into one piece of memory: pieces of a few kilobytes each would
 * leave the allocator with holes that it never gives back.
 */
export class SightingsPacker {
  #bytes = Buffer.alloc(LEAST_BYTES)
  #length = 0
  readonly #ends: number[] = []

  add(sighted: Iterable<ListedSnapshot>): void {
    const rows = Array.from(sighted, ({ id, start, root }): Row => [id, start.toString(), root ?? null])
    const json = JSON.stringify(rows)
    const needed = this.#length + Buffer.byteLength(json)
    if (needed > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], Math.max(needed, 2 * this.#bytes.length))
    this.#length += this.#bytes.write(json, this.#length)
    this.#ends.push(this.#length)
  }

  /** In the order in which they were added. */
  packed(): PackedSightings[] {
    return this.#ends.map((end, index) => {
      const bytes = this.#bytes.subarray(this.#ends[index - 1] ?? 0, end)
      return { bytes, digest: createHash("sha256").update(bytes).digest("base64") }
    })
  }
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
  if (sighted.digest !== undefined) return sighted.digest
  const packer = new SightingsPacker()
  packer.add(sighted)
  return packer.packed()[0]?.digest ?? ""
}
