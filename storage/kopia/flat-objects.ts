import type { FileTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Notice } from "../repository.js"
import { FORMAT_BLOB, kindOfBlob } from "./blob-id.js"
import { isIgnoredName } from "./directory-names.js"
import type { BlobListing, KopiaBlob, KopiaBlobs } from "./kopia-blobs.js"

const STORAGE_CONFIG = ".storageconfig"

/** The object layout (kopia-repository-format §2.2): one object per blob, its key the id below a prefix, no shards. */
export class FlatObjects implements KopiaBlobs {
  readonly location: string
  readonly #files: FileTree

  constructor(files: FileTree) {
    this.#files = files
    this.location = files.location
  }

  async listMetadata(): Promise<BlobListing> {
    const { entries } = await this.#files.list("")
    const blobs: KopiaBlob[] = []
    const notices: Notice[] = []
    let packsSeen = false
    for (const { name, kind, length, modified } of entries) {
      // Common prefixes are other repositories' business.
      if (kind !== "file" || isIgnoredName(name) || name === STORAGE_CONFIG) continue
      const blobKind = kindOfBlob(name)
      if (blobKind === "pack") packsSeen = true
      else if (blobKind !== "unknown") blobs.push({ id: name, length, modified })
      else notices.push({ code: "unknown_blob", message: `${name} is no blob that Kopia writes`, file: name })
    }
    if (!blobs.some(({ id }) => id === FORMAT_BLOB)) {
      throw new StorageError("corrupt", `${this.location}: ${FORMAT_BLOB} is gone`, {
        facts: { file: FORMAT_BLOB },
        hint: "Restore kopia.repository from a copy or an older version of the object.",
      })
    }
    return { blobs, packsSeen, notices, folders: [""] }
  }

  async *packs(): AsyncGenerator<KopiaBlob> {
    const { entries } = await this.#files.list("")
    for (const { name, kind, length, modified } of entries)
      if (kind === "file" && kindOfBlob(name) === "pack") yield { id: name, length, modified }
  }

  fileOf(id: string): string {
    return id
  }

  async read(id: string, maxLength: number): Promise<Uint8Array> {
    return this.#files.read(id, maxLength)
  }

  async readRange(id: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#files.readRange(id, offset, length)
  }

  async lengthOf(id: string): Promise<number | undefined> {
    const entry = await this.#files.stat(id)
    return entry?.kind === "file" ? entry.length : undefined
  }
}
