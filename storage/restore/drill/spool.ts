import { closeSync, constants, openSync, readSync, writeSync } from "node:fs"
import { StorageError } from "../../errors.js"

/** A file that was restored, and what was read of it in the repository. */
export interface SpooledFile {
  /** Below the restored directory. */
  readonly path: Buffer
  readonly bytes: number
  readonly sha256: Buffer
  /** It begins as a SQLite database does. */
  readonly isSqlite: boolean
}

const HEAD = 4 + 8 + 1 + 32
const BUFFER = 256 * 1024

/** The list of restored files, on the disk: of a million of them memory would hold too much. */
export class Spool {
  readonly #descriptor: number
  #pending: Buffer[] = []
  #pendingLength = 0

  /** Makes the file. Throws the system's errors. */
  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  }

  add({ path, bytes, sha256, isSqlite }: SpooledFile): void {
    const head = Buffer.alloc(HEAD)
    head.writeUInt32LE(path.length, 0)
    head.writeDoubleLE(bytes, 4)
    head.writeUInt8(isSqlite ? 1 : 0, 12)
    sha256.copy(head, 13)
    this.#pending.push(head, path)
    this.#pendingLength += HEAD + path.length
    if (this.#pendingLength >= BUFFER) this.#flush()
  }

  /** All that were added, in their order. */
  *files(): Generator<SpooledFile> {
    this.#flush()
    for (let position = 0; ;) {
      const head = this.#read(position, HEAD)
      if (head.length === 0) return
      const path = head.length === HEAD ? this.#read(position + HEAD, head.readUInt32LE(0)) : undefined
      if (path?.length !== head.readUInt32LE(0)) {
        throw new StorageError("io", "the list of restored files cannot be read back from the scratch disk", {
          hint: "Look at the health of the disk that is restored to.",
        })
      }
      const sha256 = head.subarray(13)
      yield { path, bytes: head.readDoubleLE(4), isSqlite: head.readUInt8(12) === 1, sha256 }
      position += HEAD + path.length
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #flush(): void {
    for (let rest = Buffer.concat(this.#pending); rest.length > 0;)
      rest = rest.subarray(writeSync(this.#descriptor, rest))
    this.#pending = []
    this.#pendingLength = 0
  }

  #read(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    let done = 0
    while (done < length) {
      const count = readSync(this.#descriptor, bytes, done, length - done, position + done)
      if (count === 0) break
      done += count
    }
    return bytes.subarray(0, done)
  }
}
