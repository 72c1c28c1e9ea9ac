import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { putFile } from "./put-file.js"
import { deriveUserKey, encodeUnpacked, type ResticKey, seal, sha256, zstdFrame } from "./restic-encoding.js"
import { SeededBytes } from "./seeded.js"
import { CHEAP_COST } from "./synthetic-restic.js"

/** A blob as an index tells of it. A test may make it say anything. */
export interface ToldBlob {
  readonly id: string
  readonly type: "tree" | "data"
  readonly offset: number
  readonly length: number
  readonly uncompressed_length?: number
}

export interface WrittenPack {
  readonly id: string
  readonly file: string
  readonly blobs: readonly ToldBlob[]
}

/** A node of a tree as restic writes it; a test may leave out or add what it likes. */
export type Node = Readonly<Record<string, unknown>>

/** A repository by somebody who knows the password and wishes no good. Sealed as restic seals; what it says is up to the test. */
export class HostileRestic {
  readonly directory: string
  readonly #random = new SeededBytes("hostile restic")
  readonly #master: ResticKey

  constructor(directory: string, password: string) {
    this.directory = directory
    this.#master = { encrypt: this.#random.bytes(32), k: this.#random.bytes(16), r: this.#random.bytes(16) }
    for (const folder of ["keys", "index", "snapshots", "locks", "data"])
      mkdirSync(join(directory, folder), { recursive: true })
    const salt = this.#random.bytes(64)
    const user = deriveUserKey(password, salt, CHEAP_COST)
    const { encrypt, k, r } = this.#master
    const master = {
      mac: { k: k.toString("base64"), r: r.toString("base64") },
      encrypt: encrypt.toString("base64"),
    }
    const data = seal(user, this.#random.bytes(16), Buffer.from(JSON.stringify(master))).toString("base64")
    this.#putHashed(
      "keys",
      Buffer.from(JSON.stringify({ kdf: "scrypt", ...CHEAP_COST, salt: salt.toString("base64"), data })),
    )
    const config = { version: 2, id: this.#random.hex(32), chunker_polynomial: "356d7cd0a16a01" }
    this.#put("config", this.#seal(Buffer.from(JSON.stringify(config))))
  }

  /** One pack. `frame`: what is stored of a plain text, which is then said to be so long. */
  pack(
    blobs: readonly {
      readonly type: "tree" | "data"
      readonly plain: Uint8Array
      readonly frame?: Uint8Array
    }[],
  ): WrittenPack {
    const parts: Buffer[] = []
    const headers: Buffer[] = []
    const told: ToldBlob[] = []
    let offset = 0
    for (const { type, plain, frame = zstdFrame(plain) } of blobs) {
      const sealed = this.#seal(frame)
      const id = sha256(plain)
      const lengths = Buffer.alloc(8)
      lengths.writeUInt32LE(sealed.length, 0)
      lengths.writeUInt32LE(plain.length, 4)
      headers.push(Buffer.from([type === "tree" ? 3 : 2]), lengths, id)
      told.push({
        id: id.toString("hex"),
        type,
        offset,
        length: sealed.length,
        uncompressed_length: plain.length,
      })
      parts.push(sealed)
      offset += sealed.length
    }
    const header = this.#seal(Buffer.concat(headers))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(header.length)
    const bytes = Buffer.concat([...parts, header, length])
    const id = sha256(bytes).toString("hex")
    const file = join("data", id.slice(0, 2), id)
    this.#put(file, bytes)
    return { id, file, blobs: told }
  }

  index(packs: readonly { readonly id: string; readonly blobs: readonly unknown[] }[]): void {
    this.indexText(JSON.stringify({ packs }))
  }

  /** For what JSON.stringify would not write. */
  indexText(json: string): void {
    this.#putHashed("index", this.#seal(Buffer.from(json)))
  }

  snapshot(tree: string): void {
    const snapshot = {
      time: "2026-11-01T03:00:00Z",
      tree,
      paths: ["/data"],
      hostname: "hostile",
      username: "root",
    }
    this.#putHashed("snapshots", this.#seal(encodeUnpacked(2, snapshot)))
  }

  #seal(plain: Uint8Array): Buffer {
    return seal(this.#master, this.#random.bytes(16), plain)
  }

  #putHashed(folder: string, bytes: Buffer): void {
    this.#put(join(folder, sha256(bytes).toString("hex")), bytes)
  }

  #put(path: string, bytes: Buffer): void {
    putFile(join(this.directory, path), bytes, { temporarySuffix: "-tmp-1", mode: 0o600 })
  }
}

/** A tree blob's plain text. */
export function treeOf(nodes: readonly Node[]): Buffer {
  return Buffer.from(`${JSON.stringify({ nodes })}\n`)
}

export function fileNode(name: string, content: readonly string[], size = 0): Node {
  return { name, type: "file", mode: 0o644, uid: 0, gid: 0, size, content }
}

export function directoryNode(name: string, subtree: string): Node {
  return { name, type: "dir", mode: 0o755, uid: 0, gid: 0, subtree }
}
