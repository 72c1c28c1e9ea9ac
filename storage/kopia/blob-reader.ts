import type { BlobMemory } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Writer } from "../repository.js"
import { parseCompactionLog, type CompactionLog } from "./compaction-log.js"
import type { OpenedFormat } from "./format-keeper.js"
import type { IndexEntry } from "./index-entry.js"
import { packRecord, recordIndex, unpackRecord, type IndexRecord } from "./index-record.js"
import type { KopiaBlob, KopiaBlobs } from "./kopia-blobs.js"
import { ManifestBlock } from "./manifest-block.js"
import { parseManifests, unzipManifests } from "./manifest-content.js"
import { packManifests } from "./manifest-layout.js"
import { parseSession } from "./sessions.js"
import type { Sources } from "./snapshot.js"
import { refuseTooLong } from "./too-long.js"

// The number counts up when what is kept changes, so that a newer program reads anew.
type Kind = "kopia-index-1" | "kopia-log-1" | "kopia-manifests-2" | "kopia-session-1"

// Room for an index of sixteen million contents, the most that the engine puts into one.
const MAX_BLOB = 0x6000_0000

/**
 * Reads immutable blobs and contents, each once: what was read is remembered, and what was parsed is kept while it is in use.
 * A name belongs to its bytes for ever, but a truncated file has another length and is read again.
 */
export class BlobReader {
  /** How many were read from the repository since the start; what came from memory does not count. */
  reads = 0
  /** Files whose stored bytes had to be repaired. */
  readonly repaired = new Set<string>()
  readonly #blobs: KopiaBlobs
  readonly #memory: BlobMemory | undefined
  readonly #parsed = new Map<string, unknown>()
  readonly #used = new Set<string>()
  readonly #sources: Sources

  constructor(blobs: KopiaBlobs, memory: BlobMemory | undefined, sources: Sources) {
    this.#sources = sources
    this.#blobs = blobs
    this.#memory = memory
  }

  async index(opened: OpenedFormat, blob: Pick<KopiaBlob, "id" | "length">): Promise<IndexRecord> {
    return this.#once("kopia-index-1", opened, blob.id, blob.length, unpackRecord, async () => {
      const file = this.#blobs.fileOf(blob.id)
      const record = recordIndex(await this.openBlob(opened, blob.id), file)
      return { value: record, remembered: packRecord(record) }
    })
  }

  /** What is known of an index blob without reading it: from this process, or from an earlier one. */
  knownIndex(opened: OpenedFormat, id: string, length: number): IndexRecord | undefined {
    const name = nameOf(opened, id)
    const parsed = this.#parsed.get(keyOf("kopia-index-1", name, length)) as IndexRecord | undefined
    if (parsed !== undefined) return parsed
    const bytes = this.#memory?.recall("kopia-index-1", name, length)
    return bytes === undefined ? undefined : unpackRecord(bytes)
  }

  async compactionLog(opened: OpenedFormat, blob: KopiaBlob): Promise<CompactionLog> {
    const file = this.#blobs.fileOf(blob.id)
    const parse = (bytes: Uint8Array) => parseCompactionLog(bytes, file)
    return this.#once("kopia-log-1", opened, blob.id, blob.length, parse, async () => {
      const bytes = await this.openBlob(opened, blob.id)
      return { value: parse(bytes), remembered: bytes }
    })
  }

  /** A content that holds manifests. */
  async manifests(opened: OpenedFormat, entry: IndexEntry): Promise<ManifestBlock> {
    const file = this.#blobs.fileOf(entry.pack)
    const what = `${file}: content ${entry.contentId}`
    const unpack = (bytes: Uint8Array) => ManifestBlock.open(bytes, this.#sources)
    return this.#once(
      "kopia-manifests-2",
      opened,
      contentName(entry),
      entry.packedLength,
      unpack,
      async () => {
        refuseTooLong(entry, file)
        const stored = await this.#blobs.readRange(entry.pack, entry.offset, entry.packedLength)
        this.reads++
        const { bytes, repaired } = opened.decryption.openContent(entry, stored, file)
        if (repaired) this.repaired.add(file)
        const entries = parseManifests(unzipManifests(bytes, what), what, this.#sources)
        const remembered = packManifests(entries)
        const value = unpack(remembered)
        if (value === undefined) throw new TypeError(`${what}: its own rows do not open`)
        return { value, remembered }
      },
    )
  }

  /** Reads and decrypts a whole metadata blob, without remembering it. */
  async openBlob(opened: OpenedFormat, id: string): Promise<Uint8Array> {
    const file = this.#blobs.fileOf(id)
    this.reads++
    const { bytes, repaired } = opened.decryption.openBlob(id, await this.#blobs.read(id, MAX_BLOB), file)
    if (repaired) this.repaired.add(file)
    return bytes
  }

  async session(opened: OpenedFormat, blob: KopiaBlob): Promise<Writer> {
    const file = this.#blobs.fileOf(blob.id)
    const parse = (bytes: Uint8Array) => parseSession(bytes, file, blob.modified)
    return this.#once("kopia-session-1", opened, blob.id, blob.length, parse, async () => {
      const bytes = await this.openBlob(opened, blob.id)
      return { value: parse(bytes), remembered: bytes }
    })
  }

  /** Lets go of what was parsed and not asked for since the last call. */
  forgetUnused(): void {
    for (const key of this.#parsed.keys()) if (!this.#used.has(key)) this.#parsed.delete(key)
    this.#used.clear()
  }

  async #once<T>(
    kind: Kind,
    opened: OpenedFormat,
    id: string,
    length: number,
    parse: (bytes: Uint8Array) => T | undefined,
    read: () => Promise<{ readonly value: T; readonly remembered: Uint8Array }>,
  ): Promise<T> {
    const name = nameOf(opened, id)
    const key = keyOf(kind, name, length)
    this.#used.add(key)
    const parsed = this.#parsed.get(key) as T | undefined
    if (parsed !== undefined) return parsed

    const known = this.#recall(kind, name, length, parse)
    if (known !== undefined) {
      this.#parsed.set(key, known)
      return known
    }
    const { value, remembered } = await read()
    this.#memory?.remember(kind, name, length, remembered)
    this.#parsed.set(key, value)
    return value
  }

  #recall<T>(
    kind: Kind,
    name: string,
    length: number,
    parse: (bytes: Uint8Array) => T | undefined,
  ): T | undefined {
    const bytes = this.#memory?.recall(kind, name, length)
    if (bytes === undefined) return undefined
    try {
      return parse(bytes)
    } catch (error) {
      // What is remembered wrongly is read again; the repository itself is the truth.
      if (error instanceof StorageError) return undefined
      throw error
    }
  }
}

/** Names are random or hashes, yet two repositories may share one memory; a few digits keep them apart. */
function nameOf(opened: OpenedFormat, id: string): string {
  return `${opened.repositoryId.slice(0, 16)}/${id}`
}

function contentName({ contentId, pack, offset }: IndexEntry): string {
  return `${contentId}@${pack}+${offset}`
}

function keyOf(kind: Kind, name: string, length: number): string {
  return `${kind} ${name} ${length}`
}
