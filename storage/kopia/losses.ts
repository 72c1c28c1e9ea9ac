import { lossOf, lossOfAll, type LostContents } from "../lost-contents.js"
import { nameMeantBy, noFileCalled } from "../named-file.js"
import { type BlobKind, FORMAT_BLOB, kindOfBlob } from "./blob-id.js"
import type { ContentIndex } from "./content-index.js"
import type { IndexEntry } from "./index-entry.js"
import { type IndexSet, lossOfIndex } from "./index-loss.js"
import { snapshotsLostWith } from "./manifest-loss.js"
import { BLOB_SUFFIX, blobPath, LAYOUT_WITHOUT_FILE, SHARDS_FILE } from "./shards.js"

const BLOB_CONFIG = "kopia.blobcfg"

export interface LossSources extends IndexSet {
  /** Of the contents that hold manifests, those that are not deleted. */
  readonly manifests: readonly IndexEntry[]
}

/** Says what would be lost with a blob of a Kopia repository. */
export class KopiaLosses {
  readonly #sources: LossSources

  constructor(sources: LossSources) {
    this.#sources = sources
  }

  async of(words: string, signal?: AbortSignal): Promise<LostContents> {
    const { index, blobs, opened } = this.#sources
    if (words === SHARDS_FILE) return this.#ofShards()
    const blob = await this.#meant(words)
    const file = blobs.fileOf(blob)
    if (blob === BLOB_CONFIG) return ofBlobConfig(file, index)
    switch (kindOfBlob(blob)) {
      case "format":
        return lossOfAll({
          blob,
          file,
          kind: "format",
          count: index.size,
          recovery:
            opened.format.version === 1
              ? "Every pack of this old format holds a copy: `kopia repository repair` takes it from there."
              : undefined,
          note: "No password opens anything without it.",
        })
      case "pack":
        return this.#withSnapshots(this.#ofPack(blob, file), signal)
      case "legacy_index":
      case "compaction_log":
      case "epoch_index":
      case "epoch_marker":
      case "watermark":
        return this.#withSnapshots(await lossOfIndex(this.#sources, blob, signal), signal)
      case "session":
      case "other":
      case "unknown":
        return lossOf({ blob, file, kind: "other" })
    }
  }

  #ofPack(blob: string, file: string): LostContents {
    const { index } = this.#sources
    let count = 0
    for (const { deleted } of index.inPack(blob)) if (!deleted) count++
    return lossOf({ blob, file, kind: "pack", count, has: (content) => index.packOf(content) === blob })
  }

  /** Snapshots are contents, too. */
  async #withSnapshots(loss: LostContents, signal: AbortSignal | undefined): Promise<LostContents> {
    const { manifests, reader, opened } = this.#sources
    const lost = new Set(manifests.filter(({ contentId }) => loss.has(contentId)))
    if (lost.size === 0) return loss
    const { snapshots, unreadable } = await snapshotsLostWith(lost, { manifests, reader, opened, signal })
    // Where an index is lost, the engine does not know that there was a manifest; where a pack is, it stops.
    const why =
      loss.kind === "pack"
        ? "Manifests lie there: until it is back, Kopia opens no snapshot at all, unless KOPIA_IGNORE_MALFORMED_MANIFEST_CONTENTS=true is set."
        : "Manifests are found by it: Kopia lists too few snapshots and says nothing."
    const unknown =
      unreadable === 0 ? "" : ` ${unreadable} of them cannot be read, so that more snapshots may be lost.`
    return { ...loss, snapshots, stops: loss.kind === "pack", note: why + unknown }
  }

  #ofShards(): LostContents {
    const { blobs, live, index } = this.#sources
    const found = { blob: SHARDS_FILE, file: SHARDS_FILE, kind: "format" } as const
    if (live.every((id) => blobs.fileOf(id) === blobPath(LAYOUT_WITHOUT_FILE, id))) return lossOf(found)
    return lossOfAll({
      ...found,
      count: index.size,
      recovery:
        "Write it anew: it says how many characters of a name each level of folders takes, which the folders show.",
      note: "Kopia looks for every blob where it says.",
    })
  }

  async #meant(words: string): Promise<string> {
    const { blobs, listing, index } = this.#sources
    const name = words.replace(/^(?:\.?\/)+/, "").replaceAll("/", "")
    const id = name.endsWith(BLOB_SUFFIX) ? name.slice(0, -BLOB_SUFFIX.length) : name
    if (!/^[\w.-]{1,255}$/.test(id)) throw noFileCalled(words)
    const meant = nameMeantBy(id, known(listing.blobs, index))
    if (meant !== undefined) return meant
    const kind: BlobKind = kindOfBlob(id)
    if (kind !== "unknown" && (await blobs.lengthOf(id)) !== undefined) return id
    throw noFileCalled(words)
  }
}

function* known(listed: readonly { readonly id: string }[], index: ContentIndex): Generator<string> {
  for (const { id } of listed) yield id
  yield* index.packs.names()
}

function ofBlobConfig(file: string, index: ContentIndex): LostContents {
  return lossOfAll({
    blob: BLOB_CONFIG,
    file,
    kind: "format",
    count: index.size,
    recovery: `When it is gone, Kopia goes on without it. Put a damaged one aside, and set object locks again where there were any.`,
    note: `As long as a damaged one lies beside ${FORMAT_BLOB}, Kopia opens nothing.`,
  })
}
