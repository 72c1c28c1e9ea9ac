import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  writeSync,
} from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import { fileError } from "../blobs/index.js"
import { replaceFile } from "../disk/durable.js"
import { StorageError } from "../errors.js"
import { fileCallsIfThere } from "../host/file-calls.js"
import type { BlobRecord, ScrubLedger } from "./ledger.js"
import { HEADER, type LedgerLine, type ParsedLedger, parseLedger, renderLine } from "./ledger-lines.js"

/** So many lines for each file that is known are too many: the ledger is written anew. */
const MOST_LINES_EACH = 4

/**
 * A ledger in a file of its own: lines that are only ever added, each with its checksum. Whenever the process is killed, what was
 * remembered before is whole, and a line that was cut is as if it had never been written.
 */
export class FileLedger implements ScrubLedger {
  /** Whole lines that are not as they were written, by rot or by hand. What they said is not known any more. */
  readonly damagedLines: number
  readonly #file: string
  readonly #descriptor: number
  readonly #records = new Map<string, BlobRecord>()
  #openPass: number | undefined
  #lines: number

  /**
   * Opens the ledger, and makes it where there is none. `root` is the repository, in which it must not lie. Throws StorageError
   * `invalid` for that, for a file that is no ledger, and while another scrub uses it; `missing`, `unreadable` and their kin.
   */
  constructor(file: string, root: string) {
    this.#file = resolve(file)
    refuseInside(this.#file, root)
    this.#descriptor = this.#attempt(() => openSync(this.#file, constants.O_RDWR | constants.O_CREAT, 0o600))
    try {
      const { lines, damaged } = this.#read()
      this.damagedLines = damaged
      this.#lines = lines.length
      for (const line of lines) this.#take(line)
    } catch (error) {
      closeSync(this.#descriptor)
      throw error
    }
  }

  known(path: string): BlobRecord | undefined {
    return this.#records.get(path)
  }

  paths(): Iterable<string> {
    return this.#records.keys()
  }

  checked(batch: ReadonlyMap<string, BlobRecord>): void {
    this.#add([...batch].map(([path, record]) => ({ kind: "blob", path, record })))
  }

  get openPass(): number | undefined {
    return this.#openPass
  }

  beginPass(at: number): void {
    this.#add([{ kind: "begin", at }])
  }

  endPass(): void {
    if (this.#openPass !== undefined) this.#add([{ kind: "end" }])
  }

  /** Gives the file to the next one, shortened where it has grown. */
  close(): void {
    try {
      if (this.#lines > MOST_LINES_EACH * Math.max(100, this.#records.size)) this.#shorten()
    } finally {
      closeSync(this.#descriptor)
    }
  }

  #read(): ParsedLedger {
    this.#hold()
    const bytes = this.#attempt(() => readFileSync(this.#descriptor))
    const parsed = parseLedger(bytes, this.#file)
    // What was cut is taken away, so that the next line begins where it can be read.
    this.#attempt(() => {
      if (parsed.wholeLength < bytes.length) ftruncateSync(this.#descriptor, parsed.wholeLength)
    })
    if (parsed.wholeLength === 0) this.#append(HEADER)
    return parsed
  }

  #hold(): void {
    const isHeld = this.#attempt(() => fileCallsIfThere()?.tryLock(this.#descriptor) ?? true)
    // Another one may have put a shorter file in its place since it was opened.
    const isThis = isHeld && this.#attempt(() => fstatSync(this.#descriptor).ino === statSync(this.#file).ino)
    if (isThis) return
    throw new StorageError("invalid", `another scrub uses the ledger ${this.#file}`, {
      facts: { file: this.#file },
      hint: "Wait until it has ended, or give this one a ledger of its own.",
    })
  }

  #take(line: LedgerLine): void {
    if (line.kind === "blob") this.#records.set(line.path, line.record)
    else this.#openPass = line.kind === "begin" ? line.at : undefined
  }

  #add(lines: readonly LedgerLine[]): void {
    this.#append(lines.map(renderLine).join(""))
    this.#lines += lines.length
    for (const line of lines) this.#take(line)
  }

  #append(text: string): void {
    const bytes = Buffer.from(text)
    this.#attempt(() => {
      const { size } = fstatSync(this.#descriptor)
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, size + done)
      }
      fsyncSync(this.#descriptor)
    })
  }

  #shorten(): void {
    const lines: LedgerLine[] = [...this.#records].map(([path, record]) => ({ kind: "blob", path, record }))
    if (this.#openPass !== undefined) lines.push({ kind: "begin", at: this.#openPass })
    this.#attempt(() => {
      replaceFile(this.#file, HEADER + lines.map(renderLine).join(""))
    })
  }

  #attempt<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw fileError(error, this.#file, this.#file)
    }
  }
}

/** Nothing of ours is ever written into a repository, and a ledger must not burn with the house. */
function refuseInside(file: string, root: string): void {
  const inside = join(real(dirname(file)), basename(file))
  if (!inside.startsWith(real(root) + sep)) return
  throw new StorageError("invalid", `the ledger ${file} would lie inside of the repository`, {
    facts: { file },
    hint: "Keep it elsewhere, best on another disk.",
  })
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw fileError(error, path, path)
  }
}
