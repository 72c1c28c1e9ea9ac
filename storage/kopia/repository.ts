import type { OpenedContents } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Proof } from "../proof.js"
import type { Listing, Notice, OpenOptions, Repository, Writer } from "../repository.js"
import { BlobReader } from "./blob-reader.js"
import { KopiaContents } from "./contents.js"
import { loadContents } from "./load-contents.js"
import { decidesListing, FORMAT_BLOB, kindOfBlob } from "./blob-id.js"
import { RecentLogs } from "./compaction-log.js"
import { FormatKeeper, type OpenedFormat } from "./format-keeper.js"
import { loadIndexes } from "./load-indexes.js"
import { IndexView } from "./index-view.js"
import type { IndexEntry } from "./index-entry.js"
import type { BlobListing, KopiaBlob, KopiaBlobs } from "./kopia-blobs.js"
import type { LossSources } from "./losses.js"
import { locateBlobs } from "./locate.js"
import type { ManifestBlock } from "./manifest-block.js"
import { ManifestView } from "./manifest-view.js"
import { renderMarks } from "./marks.js"
import type { KopiaPolicy } from "./policy.js"
import { blobOfFile, isSealed, proofOfMetadata, proofOfPack } from "./proof.js"
import { Sources } from "./snapshot.js"
import { untilStable } from "./until-stable.js"

const MAX_FORMAT_BLOB = 1024 * 1024

/** What a round found, to count only when the repository did not change meanwhile. */
interface Draft {
  readonly listing: Listing
  readonly policies: readonly KopiaPolicy[]
}

interface Source {
  readonly blobs: KopiaBlobs
  readonly reader: BlobReader
}

/** A Kopia repository, read natively. One at a time: a second `list` waits for the first. */
export class KopiaRepository implements Repository {
  readonly engine = "kopia"
  readonly location: string
  readonly #options: OpenOptions
  readonly #formats: FormatKeeper
  readonly #indexes = new IndexView()
  readonly #logs = new RecentLogs()
  readonly #manifests = new ManifestView()
  /** As old as the view, which tells sources apart as objects. */
  readonly #sources = new Sources()
  #reading: Source | undefined
  #folders: readonly string[] = [""]
  #policies: readonly KopiaPolicy[] = []
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: OpenOptions) {
    this.location = options.files.location
    this.#options = options
    this.#formats = new FormatKeeper(options.password, options.keys)
  }

  list(options: { signal?: AbortSignal; previousMarks?: readonly string[] } = {}): Promise<Listing> {
    const listed = this.#queue.then(() => this.#list(options.signal, options.previousMarks ?? []))
    this.#queue = listed.catch(() => undefined)
    return listed
  }

  watchedFolders(): readonly string[] {
    return this.#folders
  }

  /** The policies of the last listing, as they are stored. */
  policies(): readonly KopiaPolicy[] {
    return this.#policies
  }

  async openContents(options: { signal?: AbortSignal } = {}): Promise<OpenedContents> {
    return new KopiaContents(await this.#loadIndexes(options.signal))
  }

  async proofOf(file: string, { signal }: { signal?: AbortSignal } = {}): Promise<Proof | undefined> {
    const id = blobOfFile(file)
    const kind = id === undefined ? "unknown" : kindOfBlob(id)
    if (id === undefined || !(kind === "pack" || isSealed(kind))) return undefined
    if (kind === "pack") {
      const { opened, index } = await this.#loadIndexes(signal)
      return proofOfPack(id, opened, index)
    }
    return proofOfMetadata(id, await this.#open(await locateBlobs(this.#options.files)))
  }

  /** Of its own, because listings go on meanwhile. */
  #loadIndexes(signal: AbortSignal | undefined): Promise<LossSources> {
    const load = async () => {
      const blobs = await locateBlobs(this.#options.files)
      const reader = new BlobReader(blobs, this.#options.memory, new Sources())
      const listing = await blobs.listMetadata()
      const opened = await this.#open(blobs)
      const loaded = await loadContents({ blobs, reader, opened, listing, signal })
      return { blobs, reader, opened, listing, ...loaded }
    }
    return untilStable(this.location, load, signal)
  }

  #list(signal: AbortSignal | undefined, previousMarks: readonly string[]): Promise<Listing> {
    let known: BlobListing | undefined
    const attempt = async (): Promise<Listing | undefined> => {
      const source = await this.#source()
      const { blobs, reader } = source
      const listing: BlobListing = known ?? (await blobs.listMetadata())
      known = undefined
      this.#folders = listing.folders
      const readsBefore = reader.reads
      const draft = await this.#read(source, listing, previousMarks, signal)
      if (reader.reads > readsBefore) {
        const after = await blobs.listMetadata()
        if (!namesTheSame(listing, after)) {
          known = after
          return undefined
        }
      }
      reader.forgetUnused()
      this.#policies = draft.policies
      return draft.listing
    }
    const looked = async (): Promise<Listing | undefined> => {
      try {
        return await attempt()
      } catch (error) {
        // What appears here later may have the other layout.
        if (error instanceof StorageError && (error.code === "empty" || error.code === "not_a_repository"))
          this.#reading = undefined
        throw error
      }
    }
    return untilStable(this.location, looked, signal)
  }

  async #open(blobs: KopiaBlobs): Promise<OpenedFormat> {
    const now = BigInt(Date.now()) * 1_000_000n
    return this.#formats.open(await blobs.read(FORMAT_BLOB, MAX_FORMAT_BLOB), blobs.fileOf(FORMAT_BLOB), now)
  }

  async #source(): Promise<Source> {
    if (this.#reading !== undefined) return this.#reading
    const blobs = await locateBlobs(this.#options.files)
    const source = { blobs, reader: new BlobReader(blobs, this.#options.memory, this.#sources) }
    this.#reading = source
    return source
  }

  async #read(
    source: Source,
    listing: BlobListing,
    previousMarks: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Draft> {
    const { blobs, reader } = source
    const opened = await this.#open(blobs)
    const loaded = await loadIndexes({
      blobs,
      reader,
      opened,
      listing,
      view: this.#indexes,
      logs: this.#logs,
      previousMarks,
      signal,
    })
    const entries = this.#indexes.existing()
    if (entries.length === 0 && loaded.live.length > 0) throw withoutManifests(this.location)
    await checkPacks(blobs, entries)

    const contents = new Map<string, ManifestBlock>()
    for (const entry of entries) {
      signal?.throwIfAborted()
      contents.set(entry.contentId, await reader.manifests(opened, entry))
    }
    this.#manifests.update(contents)
    const snapshots = this.#manifests.asOfNow()
    const sources = this.#manifests.sources()
    const { writers, notices } = await readSessions(source, opened, listing)

    return {
      policies: this.#manifests.policies(),
      listing: {
        engine: "kopia",
        repositoryId: opened.repositoryId,
        fingerprint: opened.repositoryId,
        formatVersion: opened.format.version,
        depth: "contents",
        get snapshots() {
          return snapshots()
        },
        snapshotCount: sources.reduce((sum, { manifests }) => sum + manifests.length, 0),
        sources,
        writers,
        notices: [...listing.notices, ...notices, ...repairs(source, loaded.live, entries)],
        marks: renderMarks(opened.repositoryId, loaded.live),
        thorough: true,
      },
    }
  }
}

/** A manifest content lies in a pack that has to be there and long enough, even if its content is remembered. */
async function checkPacks(blobs: KopiaBlobs, entries: readonly IndexEntry[]): Promise<void> {
  const ends = new Map<string, number>()
  for (const { pack, offset, packedLength } of entries) {
    ends.set(pack, Math.max(ends.get(pack) ?? 0, offset + packedLength))
  }
  for (const [pack, end] of ends) {
    const length = await blobs.lengthOf(pack)
    if (length !== undefined && length >= end) continue
    const file = blobs.fileOf(pack)
    throw new StorageError(
      "corrupt",
      length === undefined
        ? `${file}: the pack is gone, and manifests are in it`
        : `${file}: the pack has ${length} bytes, manifests are in its first ${end}`,
      { facts: { file, pack }, hint: "Restore the pack from a copy of the repository." },
    )
  }
}

/** Who writes, or seems to. A session leaves a new marker at each checkpoint; the latest sign of life counts. */
async function readSessions(
  { blobs, reader }: Source,
  opened: OpenedFormat,
  listing: BlobListing,
): Promise<{ readonly writers: readonly Writer[]; readonly notices: readonly Notice[] }> {
  const writers = new Map<string, Writer>()
  const notices: Notice[] = []
  for (const blob of listing.blobs.filter(({ id }) => kindOfBlob(id) === "session")) {
    try {
      const writer = await reader.session(opened, blob)
      const other = writers.get(writer.id)
      if (other === undefined || writer.lastSeen > other.lastSeen) writers.set(writer.id, writer)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      // Its session ended meanwhile; what it wrote shows in the second listing.
      if (error.code === "missing") continue
      if (error.code !== "corrupt") throw error
      // Whoever wrote it may be at work, on any volume.
      const unknown = { user: undefined, host: undefined, exclusive: undefined }
      writers.set(blob.id, { id: blob.id, lastSeen: blob.modified, ...unknown })
      notices.push({ code: "unreadable_lock", message: error.message, file: blobs.fileOf(blob.id) })
    }
  }
  return { writers: [...writers.values()], notices }
}

function repairs(
  { blobs, reader }: Source,
  live: readonly KopiaBlob[],
  entries: readonly IndexEntry[],
): Notice[] {
  if (reader.repaired.size === 0) return []
  const used = new Set([...live.map(({ id }) => id), ...entries.map(({ pack }) => pack)])
  return [...used]
    .map((id) => blobs.fileOf(id))
    .filter((file) => reader.repaired.has(file))
    .map((file) => ({
      code: "repaired",
      message: `${file} is damaged; the error correction repaired what was read of it`,
      file,
    }))
}

function namesTheSame(a: BlobListing, b: BlobListing): boolean {
  const names = ({ blobs }: BlobListing) =>
    blobs
      .filter(({ id }) => decidesListing(id))
      .map(({ id, length }) => `${id} ${length}`)
      .sort()
      .join("\n")
  return names(a) === names(b)
}

function withoutManifests(location: string): StorageError {
  return new StorageError("index_lost", `${location}: the index blobs name no manifest at all`, {
    hint: "Every repository has a global policy; index blobs were lost. Restore them from a copy of the repository.",
  })
}
