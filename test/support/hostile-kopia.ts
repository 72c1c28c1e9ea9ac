import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import {
  ContentKeys,
  deriveFormatKey,
  encodeIndex,
  encodePack,
  hkdf,
  type IndexedContent,
  sealGcm,
} from "./kopia-encoding.js"
import { snapshotManifest } from "./kopia-manifests.js"
import { putFile } from "./put-file.js"
import { SeededBytes } from "./seeded.js"

export interface PlainContent {
  /** "k" for directories, "m" for manifests, "x" for indexes of long files, "" for what is in files. */
  readonly prefix: string
  readonly plain: Uint8Array
}

const SESSION = "s0011223344556677100"
const WRITTEN = 1_790_000_000

/** A repository by somebody who knows the password and wishes no good. Sealed as Kopia seals; what it says is up to the test. */
export class HostileKopia {
  readonly directory: string
  readonly #random = new SeededBytes("hostile kopia")
  readonly #keys: ContentKeys

  constructor(directory: string, password: string) {
    this.directory = directory
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, ".shards"), JSON.stringify({ default: [1, 3], maxNonShardedLength: 20 }))
    const [uniqueId, secret, masterKey] = [
      this.#random.bytes(32),
      this.#random.bytes(32),
      this.#random.bytes(32),
    ]
    this.#keys = new ContentKeys(masterKey, secret, this.#random)
    // As little as a reader needs; and the key that costs least while it is made by hundreds.
    const keyAlgo = "pbkdf2-sha256-600000"
    const key = deriveFormatKey(keyAlgo, password, uniqueId)
    const format = {
      version: 3,
      hash: "BLAKE2B-256-128",
      encryption: "AES256-GCM-HMAC-SHA256",
      splitter: "DYNAMIC-4M-BUZHASH",
      secret: secret.toString("base64"),
      masterKey: masterKey.toString("base64"),
      maxPackSize: 20_971_520,
      indexVersion: 2,
      epochParameters: { Enabled: true },
      enablePasswordChange: true,
    }
    const sealed = sealGcm(
      hkdf(key, uniqueId, "AES"),
      hkdf(key, uniqueId, "CHECKSUM"),
      this.#random.bytes(12),
      Buffer.from(JSON.stringify({ format })),
    )
    const blob = {
      tool: "hostile",
      uniqueID: uniqueId.toString("base64"),
      keyAlgo,
      encryption: "AES256_GCM",
      encryptedBlockFormat: sealed.toString("base64"),
    }
    this.#put("kopia.repository", Buffer.from(JSON.stringify(blob)))
  }

  idOf({ prefix, plain }: PlainContent): string {
    return prefix + this.#keys.hash(plain).toString("hex")
  }

  pack(kind: "p" | "q", contents: readonly PlainContent[]): readonly IndexedContent[] {
    const name = `${kind}${this.#random.hex(16)}-${SESSION}`
    const { bytes, indexed } = encodePack(name, contents, this.#keys, this.#random, WRITTEN)
    this.#put(name, bytes)
    return indexed
  }

  /** One content whose stored form is not what its plain text would be: compressed, say. `told` goes into the index. */
  stored(content: PlainContent, framed: Uint8Array, told: Partial<IndexedContent> = {}): IndexedContent {
    const name = `p${this.#random.hex(16)}-${SESSION}`
    const hash = this.#keys.hash(content.plain)
    const sealed = this.#keys.seal(framed, hash)
    this.#put(name, Buffer.concat([this.#random.bytes(32), sealed]))
    return {
      prefix: content.prefix,
      hash,
      pack: name,
      offset: 32,
      packedLength: sealed.length,
      originalLength: content.plain.length,
      written: WRITTEN,
      ...told,
    }
  }

  /** `compression`: of all contents of this index. */
  index(contents: readonly IndexedContent[], compression = 0): void {
    this.indexBytes(encodeIndex(contents, compression))
  }

  indexBytes(plain: Buffer): void {
    const hash = this.#keys.hash(plain)
    this.#put(`xn0_${hash.toString("hex")}-${SESSION}-c1`, this.#keys.seal(plain, hash))
  }

  /** The content with the manifest of a snapshot. */
  snapshot(root: string, id = "0".repeat(32)): PlainContent {
    const identity = { user: "hostile", host: "host", path: "/data" }
    const start = new Date("2026-11-01T03:00:00Z")
    const manifest = snapshotManifest({ id, identity, start, root }, start)
    return { prefix: "m", plain: gzipSync(JSON.stringify({ entries: [manifest] })) }
  }

  /** Where the blob of that name lies. */
  pathOf(name: string): string {
    if (name.length <= 20) return join(this.directory, `${name}.f`)
    return join(this.directory, name.slice(0, 1), name.slice(1, 4), `${name.slice(4)}.f`)
  }

  #put(name: string, bytes: Uint8Array): void {
    putFile(this.pathOf(name), bytes, { temporarySuffix: ".tmp.0011223344556677", mode: 0o600 })
  }
}

export function directoryOf(entries: readonly object[]): PlainContent {
  return { prefix: "k", plain: Buffer.from(JSON.stringify({ stream: "kopia:directory", entries })) }
}

export function indirectOf(
  entries: readonly { readonly s: number; readonly l: number; readonly o: string }[],
): PlainContent {
  return { prefix: "x", plain: Buffer.from(JSON.stringify({ stream: "kopia:indirect", entries })) }
}

export function entryOf(name: string, type: "d" | "f", obj: string, size = 0): object {
  return { name, type, mode: type === "d" ? "0755" : "0644", mtime: "2026-01-01T00:00:00Z", size, obj }
}
