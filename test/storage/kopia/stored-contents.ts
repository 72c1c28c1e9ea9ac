import { DirectoryTree } from "../../../storage/blobs/index.js"
import { BlobReader } from "../../../storage/kopia/blob-reader.js"
import { FORMAT_BLOB, kindOfBlob } from "../../../storage/kopia/blob-id.js"
import { contentIv, createContentCipher } from "../../../storage/kopia/content-cipher.js"
import { eccDecode } from "../../../storage/kopia/ecc.js"
import { FormatKeeper } from "../../../storage/kopia/format-keeper.js"
import { scanIndex } from "../../../storage/kopia/index-blob.js"
import type { IndexEntry } from "../../../storage/kopia/index-entry.js"
import { locateBlobs } from "../../../storage/kopia/locate.js"
import type { RepositoryFormat } from "../../../storage/kopia/repository-format.js"
import { Sources } from "../../../storage/kopia/snapshot.js"
import { Secret } from "../../../storage/secret.js"
import { fixture } from "../../support/fixtures.js"
import { passwordOf, placeIn, sharedKeys } from "./open.js"

export interface StoredContent {
  readonly entry: IndexEntry
  /** As it lies in the pack. */
  readonly stored: Uint8Array
  /** Decrypted, not yet decompressed. */
  readonly framed: Uint8Array
}

export interface StoredContents {
  readonly format: RepositoryFormat
  readonly contents: readonly StoredContent[]
}

/** Every content that any index blob of a fixture names, once. */
export async function storedContentsOf(name: string): Promise<StoredContents> {
  return storedContentsIn(placeIn(name, fixture(name)), passwordOf(name))
}

export async function storedContentsIn(directory: string, password: string): Promise<StoredContents> {
  const blobs = await locateBlobs(new DirectoryTree(directory))
  const keeper = new FormatKeeper(new Secret(password), sharedKeys)
  const opened = await keeper.open(await blobs.read(FORMAT_BLOB, 1_000_000), FORMAT_BLOB, 0n)
  const { format } = opened
  const reader = new BlobReader(blobs, undefined, new Sources())
  const cipher = createContentCipher(format.encryption, format.masterKey)

  const entries = new Map<string, IndexEntry>()
  for (const { id } of (await blobs.listMetadata()).blobs) {
    if (!kindOfBlob(id).includes("index")) continue
    const index = scanIndex(await reader.openBlob(opened, id), id, () => true)
    for (const entry of index.entries) entries.set(entry.contentId, entry)
  }
  const contents: StoredContent[] = []
  for (const entry of entries.values()) {
    const stored = await blobs.readRange(entry.pack, entry.offset, entry.packedLength)
    const what = entry.contentId
    const sealed = format.ecc === undefined ? stored : eccDecode(stored, format.ecc, what).bytes
    contents.push({ entry, stored, framed: cipher(contentIv(what, what), sealed, what) })
  }
  return { format, contents }
}
