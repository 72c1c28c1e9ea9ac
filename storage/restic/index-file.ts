import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { naming } from "./hash-named.js"

export const LONGEST_INDEX_FILE = 64 * 1024 * 1024
export const LONGEST_INDEX_JSON = 256 * 1024 * 1024

/** Where one blob lies in a pack. */
export interface IndexedBlob {
  readonly id: string
  readonly type: "data" | "tree"
  /** Bytes from the start of the pack. */
  readonly offset: number
  /** Sealed bytes in the pack. */
  readonly length: number
  /** Bytes after decompression; undefined for a blob that is not compressed. */
  readonly plainLength: number | undefined
}

export interface IndexedPack {
  readonly id: string
  /** In any order. */
  readonly blobs: readonly IndexedBlob[]
}

/**
 * The packs that the JSON of `index/<id>` tells of (restic-repository-format §7). `supersedes` is ignored, as restic does.
 * The list that restic before 0.2 wrote is `unsupported`.
 */
export function parseIndex(json: Uint8Array, id: string): readonly IndexedPack[] {
  const file = `index/${id}`
  return naming(file, () => {
    const value = parseJson(json, file)
    if (Array.isArray(value)) {
      throw new StorageError("unsupported", `${file}: an index of restic before 0.2`, {
        facts: { file },
        hint: "Run `restic repair index` with restic 0.16 or 0.17.",
      })
    }
    return (new JsonFields(value, file).optionalArray("packs") ?? []).map((pack) => parsePack(pack, file))
  })
}

function parsePack(value: unknown, file: string): IndexedPack {
  const fields = new JsonFields(value, file)
  const blobs = (fields.optionalArray("blobs") ?? []).map((blob) => parseBlob(blob, file))
  return { id: readId(fields, file), blobs }
}

function parseBlob(value: unknown, file: string): IndexedBlob {
  const fields = new JsonFields(value, file)
  const type = fields.string("type")
  if (type !== "data" && type !== "tree") {
    throw new StorageError("unsupported", `${file}: a blob of a type unknown to us`, { facts: { file } })
  }
  const plainLength = readLength(fields, "uncompressed_length", file)
  return {
    id: readId(fields, file),
    type,
    // Go leaves out what is 0 only where it is told to; the first blob of a pack has offset 0 either way.
    offset: readLength(fields, "offset", file),
    length: readLength(fields, "length", file),
    plainLength: plainLength === 0 ? undefined : plainLength,
  }
}

function readId(fields: JsonFields, file: string): string {
  const id = fields.string("id")
  if (/^[0-9a-f]{64}$/.test(id)) return id
  throw new StorageError("corrupt", `${file}: an id that is not 64 hex digits`, { facts: { file } })
}

function readLength(fields: JsonFields, name: string, file: string): number {
  const length = fields.optionalNumber(name) ?? 0
  if (Number.isInteger(length) && length >= 0 && length <= 0xffff_ffff) return length
  throw new StorageError("corrupt", `${file}: ${name} is not a number of bytes`, { facts: { file } })
}
