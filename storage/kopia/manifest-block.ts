import type { Hash } from "node:crypto"
import type { Instant } from "../instant.js"
import type { Snapshot, SnapshotSource } from "../repository.js"
import * as layout from "./manifest-layout.js"
import type { KopiaPolicy } from "./policy.js"
import type { Sources } from "./snapshot.js"

const none: readonly string[] = []

/** The manifests of one content, as rows of bytes: objects are made of them when asked for, and not kept. */
export class ManifestBlock {
  readonly count: number
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #sources: readonly SnapshotSource[]
  readonly #texts: readonly string[]

  private constructor(
    bytes: Buffer,
    count: number,
    sources: readonly SnapshotSource[],
    texts: readonly string[],
  ) {
    this.count = count
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#sources = sources
    this.#texts = texts
  }

  /** Undefined for bytes that `packManifests` did not write: the content is then simply read again. */
  static open(bytes: Uint8Array, sources: Sources): ManifestBlock | undefined {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (buffer.length < layout.HEADER || buffer.readUInt32LE(0) !== layout.MAGIC) return undefined
    const count = buffer.readUInt32LE(4)
    const end = layout.HEADER + count * layout.ROW
    if (end > buffer.length) return undefined
    try {
      const [known, texts] = JSON.parse(buffer.toString("utf8", end)) as layout.Tail
      const interned = known.map(([user, host, path]) => sources.of(user, host, path))
      // A copy, because a part would keep the whole: of a small content the tail is most of it.
      const block = new ManifestBlock(Buffer.from(buffer.subarray(0, end)), count, interned, texts)
      return block.#isSound() ? block : undefined
    } catch {
      return undefined
    }
  }

  idOf(row: number): string {
    if (this.#has(row, layout.ID_IS_TEXT)) return this.#text(row, layout.ID_AT)
    const at = this.#at(row, layout.ID_AT)
    return this.#bytes.toString("hex", at, at + layout.HASH)
  }

  /** Equal for equal ids, else as different as ids are. */
  hashOf(row: number): number {
    if (!this.#has(row, layout.ID_IS_TEXT)) return this.#view.getUint32(this.#at(row, layout.ID_AT), true)
    let hash = 0
    for (const character of this.idOf(row)) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0
    return hash
  }

  hasIdOf(row: number, other: ManifestBlock, otherRow: number): boolean {
    const isText = this.#has(row, layout.ID_IS_TEXT)
    if (isText !== other.#has(otherRow, layout.ID_IS_TEXT)) return false
    if (isText) return this.idOf(row) === other.idOf(otherRow)
    const [one, two] = [this.#at(row, layout.ID_AT), other.#at(otherRow, layout.ID_AT)]
    for (let at = 0; at < layout.HASH; at += 4)
      if (this.#view.getUint32(one + at) !== other.#view.getUint32(two + at)) return false
    return true
  }

  /** Negative when this version is the earlier one. */
  compareModified(row: number, other: ManifestBlock, otherRow: number): number {
    return this.#compareTimes(layout.MODIFIED_AT, row, other, otherRow)
  }

  /** Negative when this snapshot began before the other; equal starts by id, so that the order is the same each time. */
  compareStart(row: number, other: ManifestBlock, otherRow: number): number {
    const difference = this.#compareTimes(layout.START_AT, row, other, otherRow)
    if (difference !== 0) return difference
    if (this.#has(row, layout.ID_IS_TEXT) || other.#has(otherRow, layout.ID_IS_TEXT))
      return this.idOf(row) < other.idOf(otherRow) ? -1 : 1
    const [one, two] = [this.#at(row, layout.ID_AT), other.#at(otherRow, layout.ID_AT)]
    return this.#bytes.compare(other.#bytes, two, two + layout.HASH, one, one + layout.HASH)
  }

  isDeleted(row: number): boolean {
    return this.#has(row, layout.DELETED)
  }

  /** Undefined for what is no snapshot. */
  sourceOf(row: number): SnapshotSource | undefined {
    return this.#has(row, layout.SNAPSHOT) ? this.#sources[this.#number(row, layout.SOURCE_AT)] : undefined
  }

  /** Throws RangeError for what is no snapshot. */
  snapshotAt(row: number): Snapshot {
    const source = this.sourceOf(row)
    if (source === undefined) throw new RangeError(`manifest ${row} is no snapshot`)
    const rest = JSON.parse(this.#text(row, layout.TEXT_AT)) as layout.Rest
    const [incomplete, failedFiles, tags, pins, description] = rest
    return {
      id: this.idOf(row),
      source,
      start: this.#time(row, layout.START_AT),
      end: this.#double(row, layout.END_AT) === undefined ? undefined : this.#time(row, layout.END_AT),
      incomplete: incomplete ?? undefined,
      root: this.#root(row),
      bytes: this.#double(row, layout.BYTES_AT),
      files: this.#double(row, layout.FILES_AT),
      failedFiles,
      // One empty list serves all: most snapshots have neither tags nor pins.
      tags: tags.length === 0 ? none : tags,
      pins: pins.length === 0 ? none : pins,
      description,
    }
  }

  /** Undefined for what is no policy. */
  policyAt(row: number): KopiaPolicy | undefined {
    if (!this.#has(row, layout.POLICY)) return undefined
    return JSON.parse(this.#text(row, layout.TEXT_AT)) as KopiaPolicy
  }

  /** Adds to a hash what tells this version of this manifest from all others. */
  sign(row: number, hash: Hash): void {
    hash.update(this.idOf(row))
    const at = this.#at(row, layout.MODIFIED_AT)
    hash.update(this.#bytes.subarray(at, at + 8))
    hash.update(`.${this.#nanoseconds(row, layout.MODIFIED_AT)} `)
  }

  /** Numbers that point nowhere would fail in the middle of a listing. */
  #isSound(): boolean {
    for (let row = 0; row < this.count; row++) {
      const texts = [
        this.#has(row, layout.ID_IS_TEXT) ? this.#number(row, layout.ID_AT) : 0,
        this.#has(row, layout.SNAPSHOT | layout.POLICY) ? this.#number(row, layout.TEXT_AT) : 0,
        this.#form(row) === layout.ROOT_IS_TEXT ? this.#number(row, layout.ROOT_AT) : 0,
      ]
      if (texts.some((text) => text > 0 && text >= this.#texts.length)) return false
      if (this.#has(row, layout.SNAPSHOT) && this.sourceOf(row) === undefined) return false
      if (this.#form(row) >= layout.FIRST_PREFIX + layout.PREFIXES.length) return false
    }
    return true
  }

  #root(row: number): string | undefined {
    const form = this.#form(row)
    if (form === layout.NO_ROOT) return undefined
    if (form === layout.ROOT_IS_TEXT) return this.#text(row, layout.ROOT_AT)
    const at = this.#at(row, layout.ROOT_AT)
    const prefix = layout.PREFIXES[form - layout.FIRST_PREFIX] ?? ""
    return prefix + this.#bytes.toString("hex", at, at + layout.HASH)
  }

  #compareTimes(time: number, row: number, other: ManifestBlock, otherRow: number): number {
    const one = this.#view.getFloat64(this.#at(row, time), true)
    const two = other.#view.getFloat64(other.#at(otherRow, time), true)
    if (one !== two) return one - two
    return this.#nanoseconds(row, time) - other.#nanoseconds(otherRow, time)
  }

  #time(row: number, time: number): Instant {
    const seconds = BigInt(this.#view.getFloat64(this.#at(row, time), true))
    return seconds * 1_000_000_000n + BigInt(this.#nanoseconds(row, time))
  }

  #nanoseconds(row: number, time: number): number {
    return this.#number(row, layout.NANOSECONDS_AT[time] ?? 0)
  }

  #double(row: number, field: number): number | undefined {
    const value = this.#view.getFloat64(this.#at(row, field), true)
    return Number.isNaN(value) ? undefined : value
  }

  #form(row: number): number {
    return this.#view.getUint8(this.#at(row, layout.ROOT_FORM_AT))
  }

  #has(row: number, flag: number): boolean {
    return (this.#view.getUint8(this.#at(row, layout.FLAGS_AT)) & flag) !== 0
  }

  #text(row: number, field: number): string {
    return this.#texts[this.#number(row, field)] ?? ""
  }

  #number(row: number, field: number): number {
    return this.#view.getUint32(this.#at(row, field), true)
  }

  #at(row: number, field: number): number {
    return layout.HEADER + row * layout.ROW + field
  }
}
