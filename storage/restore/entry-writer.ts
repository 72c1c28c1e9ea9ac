import { closeSync, constants, fstatSync, openSync, symlinkSync, unlinkSync } from "node:fs"
import type { FileContents, SnapshotEntry } from "../contents.js"
import { nameOfBytes } from "../disk/directories/names.js"
import type { Pinned } from "../disk/directories/pinned.js"
import { swapped } from "../disk/directories/failures.js"
import { StorageError } from "../errors.js"
import { type FileCalls, fileCallsIfThere, type SpecialKind } from "../host/index.js"
import { HardLinks } from "./hard-links.js"
import { applyMetadata } from "./metadata.js"
import type { RestoreOptions } from "./options.js"
import { failureOfEntry, Outcome } from "./outcome.js"
import { Pace } from "./pace.js"
import { Source } from "./source.js"
import type { Spot } from "./spot.js"
import { writeFile, type Written } from "./write-file.js"

/** Ends a restore for a reason that is told in its result. */
export class Stop extends Error {
  override readonly name = "Stop"
  readonly reason: unknown

  constructor(reason: unknown) {
    super("stopped", { cause: reason })
    this.reason = reason
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Makes what is no directory: files, links, fifos, devices. */
export class EntryWriter {
  readonly outcome = new Outcome()
  readonly source: Source
  readonly calls: FileCalls | undefined
  readonly #options: RestoreOptions
  readonly #links: HardLinks
  readonly #pace: Pace | undefined
  #entries = 0
  #bytesRead = 0

  constructor(contents: FileContents, top: Pinned, options: RestoreOptions) {
    this.source = new Source(contents, options.reopen)
    this.calls = options.calls === "none" ? undefined : (options.calls ?? fileCallsIfThere())
    this.#options = options
    this.#links = new HardLinks(top)
    this.#pace = options.bytesPerSecond === undefined ? undefined : new Pace(options.bytesPerSecond)
  }

  /** One entry more. Throws Stop when there may be no more. */
  count(): void {
    const most = this.#options.limits?.entries ?? Infinity
    if (++this.#entries > most) throw tooMuch(`${most} entries`)
  }

  /** What could not be read is told, and ends the restore only when nothing can be. Throws what is no StorageError. */
  failReading(spot: Spot, error: unknown): void {
    this.#options.signal?.throwIfAborted()
    if (!(error instanceof StorageError)) throw error
    if (this.source.isDead(error)) throw new Stop(error)
    this.outcome.fail(spot, error.code, error.message)
  }

  /** Throws Stop, the signal's reason, and the system's errors that concern the whole disk. */
  async write(entry: SnapshotEntry, into: Pinned, above: Spot | undefined): Promise<void> {
    this.#options.signal?.throwIfAborted()
    this.count()
    const spot = { name: entry.name, above }
    switch (entry.kind) {
      case "file":
        await this.#file(entry, into, spot)
        this.#tell()
        return
      case "symlink":
        await this.#symlink(entry, into, spot)
        return
      case "fifo":
        this.#special(entry, entry.kind, into, spot)
        return
      case "block_device":
      case "character_device":
        if (this.#options.devices === true) this.#special(entry, entry.kind, into, spot)
        else this.outcome.lose(spot, "device", "devices are made only when that is asked for")
        return
      case "socket":
        this.outcome.lose(spot, "socket", "the program that listened makes it anew")
        return
      case "directory":
      case "unknown":
        this.outcome.fail(spot, "unsupported", `the snapshot does not say what it is: ${entry.kind}`)
    }
  }

  async #file(entry: SnapshotEntry, into: Pinned, spot: Spot): Promise<void> {
    const name = nameOfBytes(entry.name)
    if (entry.sameFile !== undefined && this.#link(entry.sameFile, into, name, spot)) return
    const descriptor = this.#make(spot, () => openSync(into.under(name), NEW_FILE, 0o600))
    if (descriptor === undefined) return
    let written: Written | undefined
    try {
      written = await this.#fill(descriptor, entry, into, spot)
      // A file that was removed has no name, and may have its metadata all the same.
      this.#finish(descriptor, entry, spot)
      const { dev, ino } = fstatSync(descriptor, { bigint: true })
      if (written !== undefined && entry.sameFile !== undefined)
        this.#links.remember(entry.sameFile, spot, { device: `${dev}`, inode: `${ino}` }, written.bytes)
    } finally {
      // A network filesystem may say only here that nothing was written.
      closeSync(descriptor)
    }
    if (written === undefined) return
    this.outcome.files++
    this.outcome.bytes += written.bytes
    const { bytes, sha256, head } = written
    if (sha256 !== undefined) this.#options.onFile?.({ spot, bytes, sha256, head })
  }

  /** Undefined: it is told why, and what is left of it is as asked for. */
  async #fill(
    descriptor: number,
    entry: SnapshotEntry,
    into: Pinned,
    spot: Spot,
  ): Promise<Written | undefined> {
    const options = {
      sparse: this.#options.full !== true,
      hash: this.#options.onFile !== undefined,
      onBytes: (count: number) => this.#read(count),
    }
    try {
      return await this.source.use((contents) => writeFile(descriptor, contents.read(entry), options))
    } catch (error) {
      const isDamaged = error instanceof StorageError && this.#options.signal?.aborted !== true
      if (!isDamaged || this.#options.keepDamaged !== true) unlinkSync(into.under(nameOfBytes(entry.name)))
      const failure = failureOfEntry(error)
      if (failure === undefined) this.failReading(spot, error)
      else this.outcome.fail(spot, ...failure)
      return undefined
    }
  }

  #finish(descriptor: number, entry: SnapshotEntry, spot: Spot): void {
    const place = { self: `/proc/self/fd/${descriptor}`, name: undefined, spot }
    applyMetadata(place, entry, this.calls, this.outcome)
  }

  #link(sameFile: string, into: Pinned, name: string, spot: Spot): boolean {
    const linked = this.#make(spot, () => this.#links.link(sameFile, into, name) ?? "first")
    if (linked === undefined) return true
    if (linked === "first") return false
    if (typeof linked === "string") {
      this.outcome.lose(spot, "hard_link", linked)
      return false
    }
    this.outcome.files++
    this.outcome.linkedBytes += linked.bytes
    return true
  }

  async #symlink(entry: SnapshotEntry, into: Pinned, spot: Spot): Promise<void> {
    let target: Uint8Array
    try {
      target = await this.source.use((contents) => contents.target(entry))
    } catch (error) {
      this.failReading(spot, error)
      return
    }
    if (target.length === 0 || target.includes(0)) {
      this.outcome.fail(spot, "corrupt", "a link leads to a name that cannot be")
      return
    }
    const name = nameOfBytes(entry.name)
    const isMade = this.#make(spot, () => {
      symlinkSync(Buffer.from(target), into.under(name))
      return true
    })
    if (isMade === true) this.#finishNamed(entry, into, name, spot)
  }

  #special(entry: SnapshotEntry, kind: SpecialKind, into: Pinned, spot: Spot): void {
    const { calls } = this
    if (calls === undefined) {
      this.outcome.fail(spot, "not_written", "it can only be made by the C library, which cannot be called")
      return
    }
    const name = nameOfBytes(entry.name)
    const isMade = this.#make(spot, () => {
      calls.makeSpecial(into.under(name), kind, 0o600, entry.device)
      return true
    })
    if (isMade === true) this.#finishNamed(entry, into, name, spot)
  }

  #finishNamed(entry: SnapshotEntry, into: Pinned, name: string, spot: Spot): void {
    const made = into.child(name)
    const kind = made?.look().kind
    try {
      if (made === undefined || kind !== (entry.kind === "symlink" ? "link" : "other"))
        throw swapped(into.path)
      applyMetadata({ self: made.self, name: into.under(name), spot }, entry, this.calls, this.outcome)
      this.outcome.others++
    } finally {
      made?.close()
    }
  }

  /** Undefined: the system refuses this one, and it is told. */
  #make<T>(spot: Spot, act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      const failure = failureOfEntry(error)
      if (failure === undefined) throw error
      this.outcome.fail(spot, ...failure)
      return undefined
    }
  }

  async #read(count: number): Promise<void> {
    this.#options.signal?.throwIfAborted()
    this.#bytesRead += count
    const most = this.#options.limits?.bytes ?? Infinity
    if (this.#bytesRead > most) throw tooMuch(`${most} bytes`)
    this.#tell()
    await this.#pace?.after(count, this.#options.signal)
  }

  #tell(): void {
    this.#options.onProgress?.({ files: this.outcome.files, bytes: this.#bytesRead })
  }
}

function tooMuch(what: string): Stop {
  const hint = "Look at what is in the snapshot with `cistern ls -R`: it is not what it says of itself."
  return new Stop(
    new StorageError("no_space", `the snapshot holds more than the ${what} that are allowed here`, { hint }),
  )
}
