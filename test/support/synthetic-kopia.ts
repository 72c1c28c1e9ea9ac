import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import {
  ContentKeys,
  deriveFormatKey,
  encodeIndex,
  encodePack,
  hkdf,
  type IndexedContent,
  type KeyAlgorithm,
  sealGcm,
} from "./kopia-encoding.js"
import {
  BACKUP_TAKES_MS,
  directoryObject,
  maintenanceManifest,
  policyManifest,
  snapshotManifest,
} from "./kopia-manifests.js"
import { putFile } from "./put-file.js"
import { SeededBytes } from "./seeded.js"

export interface KopiaIdentity {
  readonly user: string
  readonly host: string
  readonly path: string
}

export interface SyntheticKopiaOptions {
  readonly password: string
  readonly snapshots: number
  /** How many, named as a mover names them (`app-0-backup@ns-0:/data`), or which. Snapshots go round them in turn. */
  readonly identities: number | readonly KopiaIdentity[]
  /** Same seed, same bytes. */
  readonly seed?: string
  readonly keyAlgorithm?: KeyAlgorithm
  /** Into how many `m` contents the manifests are divided. Kopia itself lets them grow to 16. */
  readonly manifestContents?: number
  /** Into how many index blobs the contents are divided. */
  readonly indexBlobs?: number
  /** How many packs more the indexes name. They are not there, so nothing may want their contents. */
  readonly packsMentioned?: number
  /** Folder name lengths of `.shards`. */
  readonly shards?: readonly number[]
  /** Start of the newest snapshots. Those before are an hour apart. */
  readonly newest?: Date
}

export interface SyntheticSnapshot {
  readonly id: string
  readonly identity: KopiaIdentity
  readonly start: Date
  readonly root: string
}

const HOUR = 3_600_000
const ONLY_FILE = { prefix: "", plain: Buffer.from("the only file of every synthetic snapshot\n") }

/** A repository of Kopia's format 3 that no Kopia wrote. Further snapshots arrive as a mover's would. */
export class SyntheticKopia {
  readonly directory: string
  readonly password: string
  readonly uniqueId: Buffer
  readonly identities: readonly KopiaIdentity[]
  /** Those of the first writing, oldest first. */
  readonly snapshots: readonly SyntheticSnapshot[]
  readonly #shards: readonly number[]
  readonly #random: SeededBytes
  readonly #keys: ContentKeys
  /** Where the only file of the first snapshots lies. */
  #filePack = ""

  constructor(directory: string, options: SyntheticKopiaOptions) {
    this.directory = directory
    this.password = options.password
    this.#shards = options.shards ?? [1, 3]
    this.#random = new SeededBytes(options.seed ?? "synthetic kopia")
    this.identities =
      typeof options.identities === "number" ? moverIdentities(options.identities) : options.identities
    this.uniqueId = this.#random.bytes(32)
    const secret = this.#random.bytes(32)
    const masterKey = this.#random.bytes(32)
    this.#keys = new ContentKeys(masterKey, secret, this.#random)
    this.#writeFormat(options, secret, masterKey)
    this.snapshots = this.#writeContents(options)
  }

  /** One more snapshot in the order of a mover's run: session marker, packs, index, marker gone. */
  appendSnapshot(
    identity: KopiaIdentity,
    options: { start?: Date; incomplete?: string; modified?: Date } = {},
  ): SyntheticSnapshot {
    const session = this.openSession(identity)
    const start = options.start ?? new Date(Date.now() - BACKUP_TAKES_MS)
    const file = { prefix: "", plain: this.#random.bytes(42) }
    const directory = { prefix: "k", plain: directoryObject(this.#contentId(file), start) }
    const snapshot = { id: this.#random.hex(16), identity, start, root: this.#contentId(directory) }
    const modified = options.modified ?? new Date(start.getTime() + BACKUP_TAKES_MS)
    const manifests = manifestContent([snapshotManifest(snapshot, modified, options.incomplete)])
    const written = Math.floor(modified.getTime() / 1000)
    this.#putIndex(
      [
        ...this.#putPack("p", [file], session.id, written),
        ...this.#putPack("q", [directory, manifests], session.id, written),
      ],
      session.id,
    )
    session.close()
    return snapshot
  }

  /** Deletes a manifest as Kopia does: by one more manifest content with a tombstone. */
  removeSnapshot(id: string, modified = new Date()): void {
    const session = this.#sessionId()
    const tombstone = { id, labels: null, modified: modified.toISOString(), deleted: true, data: null }
    const written = Math.floor(modified.getTime() / 1000)
    this.#putIndex(this.#putPack("q", [manifestContent([tombstone])], session, written), session)
  }

  /**
   * Writes the only file of the first snapshots into a new pack and takes the old one away, as maintenance does: two indexes tell of it,
   * and only the later one leads anywhere. Gives the name of that one.
   */
  rewriteFile(): string {
    const session = this.#sessionId()
    rmSync(this.blobPath(this.#filePack))
    const written = Math.floor(Date.now() / 1000)
    const indexed = this.#putPack("p", [ONLY_FILE], session, written)
    this.#filePack = indexed[0]?.pack ?? ""
    return this.#putIndex(indexed, session)
  }

  /** The marker that a running writer leaves until it is done. A killed one leaves it for ever. */
  openSession(
    identity: { readonly user: string; readonly host: string },
    since = new Date(),
  ): { readonly id: string; close(): void } {
    const id = this.#sessionId()
    const plain = Buffer.from(
      JSON.stringify({
        id,
        startTime: since.toISOString(),
        checkpointTime: since.toISOString(),
        username: identity.user,
        hostname: identity.host,
      }),
    )
    const hash = this.#keys.hash(plain)
    const name = `s${hash.toString("hex")}-${id}`
    this.#putBlob(name, this.#keys.seal(plain, hash))
    return {
      id,
      close: () => {
        rmSync(this.blobPath(name))
      },
    }
  }

  /** §2.1: where the blob of that name lies. */
  blobPath(name: string): string {
    if (name.length <= 20) return join(this.directory, `${name}.f`)
    const folders: string[] = []
    let rest = name
    for (const length of this.#shards) {
      if (rest.length <= length) break
      folders.push(rest.slice(0, length))
      rest = rest.slice(length)
    }
    return join(this.directory, ...folders, `${rest}.f`)
  }

  #writeFormat(options: SyntheticKopiaOptions, secret: Buffer, masterKey: Buffer): void {
    mkdirSync(this.directory, { recursive: true })
    writeFileSync(
      join(this.directory, ".shards"),
      JSON.stringify({ default: this.#shards, maxNonShardedLength: 20 }),
    )
    const keyAlgorithm = options.keyAlgorithm ?? "scrypt-65536-8-1"
    const formatKey = deriveFormatKey(keyAlgorithm, options.password.trim(), this.uniqueId)
    const aes = hkdf(formatKey, this.uniqueId, "AES")
    const aad = hkdf(formatKey, this.uniqueId, "CHECKSUM")
    const seal = (value: unknown) =>
      sealGcm(aes, aad, this.#random.bytes(12), Buffer.from(JSON.stringify(value)))
    const format = {
      tool: "https://github.com/kopia/kopia",
      buildVersion: "synthetic",
      buildInfo: "",
      uniqueID: this.uniqueId.toString("base64"),
      keyAlgo: keyAlgorithm,
      encryption: "AES256_GCM",
      encryptedBlockFormat: seal({ format: contentFormat(secret, masterKey) }).toString("base64"),
    }
    this.#putBlob("kopia.repository", Buffer.from(JSON.stringify(format, undefined, 2)))
    this.#putBlob("kopia.blobcfg", seal({}))
  }

  #writeContents(options: SyntheticKopiaOptions): SyntheticSnapshot[] {
    const session = this.#sessionId()
    const newest = options.newest ?? new Date("2026-11-01T03:00:00Z")
    const written = Math.floor(newest.getTime() / 1000)
    const fileId = this.#contentId(ONLY_FILE)
    const directories = this.identities.map((_, index) => ({
      prefix: "k",
      plain: directoryObject(fileId, new Date(index * 1000)),
    }))
    const roots = directories.map((directory) => this.#contentId(directory))

    const snapshots = Array.from({ length: options.snapshots }, (_, index): SyntheticSnapshot => {
      const rounds = Math.ceil(options.snapshots / this.identities.length)
      const round = Math.floor(index / this.identities.length)
      const which = index % this.identities.length
      const [identity, root] = [this.identities[which], roots[which]]
      if (identity === undefined || root === undefined) throw new RangeError("a snapshot needs an identity")
      const start = new Date(newest.getTime() - (rounds - 1 - round) * HOUR)
      return { id: this.#random.hex(16), identity, start, root }
    })
    const manifests: object[] = [
      policyManifest(this.#random.hex(16), newest),
      maintenanceManifest(this.#random.hex(16), newest),
      ...snapshots.map((snapshot) => snapshotManifest(snapshot, snapshot.start)),
    ]
    const manifestContents = divide(manifests, options.manifestContents ?? 8).map(manifestContent)

    const indexed = this.#putPack("p", [ONLY_FILE], session, written)
    this.#filePack = indexed[0]?.pack ?? ""
    // Kopia closes a pack at 20 MiB; a thousand of these small contents stay far below.
    for (const contents of divide(directories, Math.ceil(directories.length / 1000)))
      indexed.push(...this.#putPack("q", contents, session, written))
    for (const content of manifestContents) indexed.push(...this.#putPack("q", [content], session, written))

    const blobs = options.indexBlobs ?? 1
    const shares = divide(indexed, blobs)
    for (let blob = 0; blob < Math.max(blobs, shares.length); blob++) {
      const mentioned = share(options.packsMentioned ?? 0, blobs, blob)
      this.#putIndex([...(shares[blob] ?? []), ...this.#mentions(mentioned, session, written)], session)
    }
    return snapshots
  }

  #mentions(count: number, session: string, written: number): IndexedContent[] {
    return Array.from({ length: count }, () => ({
      prefix: "",
      hash: this.#random.bytes(16),
      pack: `p${this.#random.hex(16)}-${session}`,
      offset: 32,
      packedLength: 1_048_604,
      originalLength: 1_048_576,
      written,
    }))
  }

  #contentId(content: { readonly prefix: string; readonly plain: Uint8Array }): string {
    return content.prefix + this.#keys.hash(content.plain).toString("hex")
  }

  #putPack(
    kind: "p" | "q",
    contents: readonly { readonly prefix: string; readonly plain: Uint8Array }[],
    session: string,
    written: number,
  ): IndexedContent[] {
    const name = `${kind}${this.#random.hex(16)}-${session}`
    const { bytes, indexed } = encodePack(name, contents, this.#keys, this.#random, written)
    this.#putBlob(name, bytes)
    return [...indexed]
  }

  #putIndex(contents: readonly IndexedContent[], session: string): string {
    const plain = encodeIndex(contents)
    const hash = this.#keys.hash(plain)
    const name = `xn0_${hash.toString("hex")}-${session}-c1`
    this.#putBlob(name, this.#keys.seal(plain, hash))
    return name
  }

  #putBlob(name: string, bytes: Uint8Array): void {
    putFile(this.blobPath(name), bytes, { temporarySuffix: `.tmp.${this.#random.hex(8)}`, mode: 0o600 })
  }

  #sessionId(): string {
    const month = Math.floor((Date.now() - Date.UTC(2000, 0, 1)) / (30 * 24 * HOUR))
    return `s${this.#random.hex(8)}${month.toString(16)}`
  }
}

/** Writes a repository that the real kopia opens, lists and verifies. Tens of thousands of snapshots take seconds. */
export function writeSyntheticKopia(directory: string, options: SyntheticKopiaOptions): SyntheticKopia {
  return new SyntheticKopia(directory, options)
}

function moverIdentities(count: number): KopiaIdentity[] {
  return Array.from({ length: count }, (_, index) => ({
    user: `app-${index}-backup`,
    host: `ns-${index % 25}`,
    path: "/data",
  }))
}

function manifestContent(entries: readonly object[]): { prefix: string; plain: Buffer } {
  return { prefix: "m", plain: gzipSync(JSON.stringify({ entries })) }
}

function contentFormat(secret: Buffer, masterKey: Buffer): object {
  return {
    version: 3,
    hash: "BLAKE2B-256-128",
    encryption: "AES256-GCM-HMAC-SHA256",
    splitter: "DYNAMIC-4M-BUZHASH",
    secret: secret.toString("base64"),
    masterKey: masterKey.toString("base64"),
    maxPackSize: 20_971_520,
    indexVersion: 2,
    epochParameters: {
      Enabled: true,
      EpochRefreshFrequency: 1_200_000_000_000,
      FullCheckpointFrequency: 7,
      CleanupSafetyMargin: 14_400_000_000_000,
      MinEpochDuration: 86_400_000_000_000,
      EpochAdvanceOnCountThreshold: 20,
      EpochAdvanceOnTotalSizeBytesThreshold: 10_485_760,
      DeleteParallelism: 4,
    },
    enablePasswordChange: true,
  }
}

function divide<T>(items: readonly T[], parts: number): T[][] {
  return Array.from({ length: parts }, (_, part) =>
    items.slice(Math.floor((part * items.length) / parts), Math.floor(((part + 1) * items.length) / parts)),
  ).filter((slice) => slice.length > 0)
}

function share(total: number, parts: number, part: number): number {
  return Math.floor(((part + 1) * total) / parts) - Math.floor((part * total) / parts)
}
