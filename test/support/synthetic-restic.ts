import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { putFile } from "./put-file.js"
import {
  deriveUserKey,
  encodeTreePack,
  encodeUnpacked,
  type IndexedBlob,
  type KeyCost,
  type ResticKey,
  seal,
  sha256,
} from "./restic-encoding.js"
import { SeededBytes } from "./seeded.js"

export interface SyntheticResticOptions {
  readonly password: string
  readonly snapshots: number
  readonly version?: 1 | 2
  /** Same seed, same bytes. */
  readonly seed?: string
  /** What opening costs. Cheap by default; `REAL_COST` is what restic itself chooses on a NAS, half a second. */
  readonly cost?: KeyCost
  /** 64 bytes; the same salt in many repositories lets the writer stretch their password once. */
  readonly salt?: Buffer
  readonly host?: string
  readonly paths?: readonly string[]
  /** Time of the newest snapshot. Those before are an hour apart. */
  readonly newest?: Date
}

export interface SyntheticResticSnapshot {
  readonly id: string
  readonly time: Date
  readonly tree: string
}

export const CHEAP_COST: KeyCost = { N: 1024, r: 8, p: 1 }
export const REAL_COST: KeyCost = { N: 32768, r: 8, p: 7 }

const HOUR = 3_600_000
const BACKUP_TAKES_MS = 42_000

/** A repository that no restic wrote, one tree in one pack. Further snapshots arrive as a mover's would. */
export class SyntheticRestic {
  readonly directory: string
  readonly password: string
  readonly id: string
  /** Those of the first writing, oldest first. */
  readonly snapshots: readonly SyntheticResticSnapshot[]
  readonly #version: 1 | 2
  readonly #host: string
  readonly #paths: readonly string[]
  readonly #random: SeededBytes
  readonly #master: ResticKey

  constructor(directory: string, options: SyntheticResticOptions) {
    this.directory = directory
    this.password = options.password
    this.#version = options.version ?? 2
    this.#host = options.host ?? "volsync"
    this.#paths = options.paths ?? ["/data"]
    this.#random = new SeededBytes(options.seed ?? "synthetic restic")
    this.id = this.#random.hex(32)
    this.#master = {
      encrypt: this.#random.bytes(32),
      k: this.#random.bytes(16),
      r: this.#random.bytes(16),
    }
    const newest = options.newest ?? new Date("2026-11-01T03:00:00Z")
    const oldest = new Date(newest.getTime() - (options.snapshots - 1) * HOUR)
    this.#writeFrame(options, oldest)
    const tree = this.#putTrees([treeOf(this.#random.hex(8), oldest)], oldest)
    this.snapshots = Array.from({ length: options.snapshots }, (_, index) =>
      this.#putSnapshot(tree, new Date(oldest.getTime() + index * HOUR), undefined),
    )
  }

  /** One more snapshot in the order of a mover's run: lock, pack, index, snapshot, lock gone. */
  appendSnapshot(options: { time?: Date } = {}): SyntheticResticSnapshot {
    const time = options.time ?? new Date(Date.now() - BACKUP_TAKES_MS)
    const lock = this.lock()
    const tree = this.#putTrees([treeOf(this.#random.hex(8), time)], undefined)
    const snapshot = this.#putSnapshot(tree, time, new Date())
    lock.release()
    return snapshot
  }

  /** `forget` of one snapshot, without the prune that may follow. */
  removeSnapshot(id: string): void {
    rmSync(join(this.directory, "snapshots", id))
  }

  /** A lock file as a running restic keeps it. A killed one leaves it for ever. */
  lock(options: { exclusive?: boolean; time?: Date } = {}): { readonly id: string; release(): void } {
    const time = options.time ?? new Date()
    const lock = {
      time: time.toISOString(),
      exclusive: options.exclusive ?? false,
      hostname: this.#host,
      username: "root",
      pid: 17,
    }
    const id = this.#putUnpacked("locks", lock, options.time)
    return {
      id,
      release: () => {
        rmSync(join(this.directory, "locks", id))
      },
    }
  }

  #writeFrame(options: SyntheticResticOptions, created: Date): void {
    for (const folder of ["keys", "index", "snapshots", "locks", "data"])
      mkdirSync(join(this.directory, folder), { recursive: true, mode: 0o700 })

    const cost = options.cost ?? CHEAP_COST
    const salt = options.salt ?? this.#random.bytes(64)
    const master = {
      mac: { k: this.#master.k.toString("base64"), r: this.#master.r.toString("base64") },
      encrypt: this.#master.encrypt.toString("base64"),
    }
    const userKey = deriveUserKey(options.password, salt, cost)
    const key = {
      created: created.toISOString(),
      username: "root",
      hostname: this.#host,
      kdf: "scrypt",
      ...cost,
      salt: salt.toString("base64"),
      data: seal(userKey, this.#random.bytes(16), Buffer.from(JSON.stringify(master))).toString("base64"),
    }
    this.#putHashed("keys", Buffer.from(JSON.stringify(key)), created)
    // An irreducible polynomial, which restic checks; nothing is cut with it here.
    const config = { version: this.#version, id: this.id, chunker_polynomial: "356d7cd0a16a01" }
    this.#put("config", this.#seal(Buffer.from(JSON.stringify(config))), created)
  }

  #putTrees(trees: readonly Buffer[], modified: Date | undefined): string {
    const { bytes, blobs } = encodeTreePack(this.#version, trees, this.#master, () => this.#random.bytes(16))
    const pack = sha256(bytes).toString("hex")
    this.#put(join("data", pack.slice(0, 2), pack), bytes, modified)
    this.#putUnpacked("index", { packs: [{ id: pack, blobs }] satisfies IndexedPack[] }, modified)
    const [tree] = blobs
    if (tree === undefined) throw new RangeError("a pack needs a tree")
    return tree.id
  }

  #putSnapshot(tree: string, time: Date, modified: Date | undefined): SyntheticResticSnapshot {
    const end = new Date(time.getTime() + BACKUP_TAKES_MS)
    const snapshot = {
      time: time.toISOString(),
      tree,
      paths: this.#paths,
      hostname: this.#host,
      username: "root",
      program_version: "restic 0.18.0",
      summary: {
        backup_start: time.toISOString(),
        backup_end: end.toISOString(),
        files_new: 0,
        files_changed: 0,
        files_unmodified: 1,
        dirs_new: 0,
        dirs_changed: 0,
        dirs_unmodified: 0,
        data_blobs: 0,
        tree_blobs: 1,
        data_added: 0,
        data_added_packed: 0,
        total_files_processed: 1,
        total_bytes_processed: 0,
      },
    }
    return { id: this.#putUnpacked("snapshots", snapshot, modified ?? time), time, tree }
  }

  #putUnpacked(folder: string, value: object, modified: Date | undefined): string {
    return this.#putHashed(folder, this.#seal(encodeUnpacked(this.#version, value)), modified)
  }

  #putHashed(folder: string, bytes: Buffer, modified: Date | undefined): string {
    const id = sha256(bytes).toString("hex")
    this.#put(join(folder, id), bytes, modified)
    return id
  }

  #put(path: string, bytes: Buffer, modified: Date | undefined): void {
    putFile(join(this.directory, path), bytes, {
      temporarySuffix: `-tmp-${this.#random.below(1_000_000_000)}`,
      mode: 0o400,
      modified,
    })
  }

  #seal(plain: Buffer): Buffer {
    return seal(this.#master, this.#random.bytes(16), plain)
  }
}

interface IndexedPack {
  readonly id: string
  readonly blobs: readonly IndexedBlob[]
}

/** Writes a repository that the real restic opens, lists and checks. */
export function writeSyntheticRestic(directory: string, options: SyntheticResticOptions): SyntheticRestic {
  return new SyntheticRestic(directory, options)
}

/** A directory with one empty file, as `backup .` writes the root. */
function treeOf(name: string, time: Date): Buffer {
  const node = {
    name,
    type: "file",
    mode: 0o644,
    mtime: time.toISOString(),
    atime: time.toISOString(),
    ctime: time.toISOString(),
    uid: 568,
    gid: 568,
    inode: 12,
    links: 1,
    content: [],
  }
  return Buffer.from(JSON.stringify({ nodes: [node] }) + "\n")
}
