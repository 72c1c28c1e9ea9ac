import { askedOnce } from "../asked-once.js"
import type { FileTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { lossOf, lossOfAll, type LostContents } from "../lost-contents.js"
import { nameMeantBy, noFileCalled } from "../named-file.js"
import type { BlobIndex, BlobType } from "./blob-index.js"
import { CONFIG_FILE } from "./config.js"
import { isHash } from "./hash-named.js"
import { lossOfIndex } from "./index-loss.js"
import { packPath } from "./pack-path.js"
import type { SealKey } from "./sealed.js"

export interface LossSources {
  readonly files: FileTree
  readonly key: SealKey
  readonly index: BlobIndex
  /** Names of the index files that it was read from. */
  readonly indexFiles: readonly string[]
}

const NAMED_FOLDERS = ["snapshots", "keys", "locks"] as const
type Folder = (typeof NAMED_FOLDERS)[number] | "index" | "data"

interface Meant {
  readonly folder: Folder
  readonly id: string
}

/** Says what would be lost with a file of a restic repository. */
export class ResticLosses {
  readonly #sources: LossSources

  constructor(sources: LossSources) {
    this.#sources = sources
  }

  async of(words: string, signal?: AbortSignal): Promise<LostContents> {
    const { index } = this.#sources
    const name = words.replace(/^(?:\.?\/)+/, "")
    if (name === CONFIG_FILE) {
      const note = "No password opens anything without it."
      return lossOfAll({ blob: name, file: name, kind: "format", count: index.size, note })
    }
    const { folder, id } = await this.#meant(name)
    switch (folder) {
      case "data":
        return this.#ofPack(id, signal)
      case "index":
        return lossOfIndex(this.#sources, id, signal)
      case "snapshots":
        return lossOf({
          blob: id,
          file: `snapshots/${id}`,
          kind: "snapshot",
          snapshots: [id],
          note: "What it is made of stays until the next prune.",
        })
      case "keys":
        return this.#ofKey(id)
      case "locks":
        return lossOf({ blob: id, file: `locks/${id}`, kind: "other" })
    }
  }

  /** What lies elsewhere, too, is not lost, as long as it is really there. */
  async #ofPack(pack: string, signal: AbortSignal | undefined): Promise<LostContents> {
    const { index, files } = this.#sources
    const isThere = askedOnce(async (other) => (await files.stat(packPath(other))) !== undefined)
    const missing = new Set([pack])
    const isLost = (type: BlobType, id: string): boolean => {
      const places = index.find(type, id)
      return places.some((place) => place.pack === pack) && places.every((place) => missing.has(place.pack))
    }
    for (const { type, id } of index.inPack(pack)) {
      signal?.throwIfAborted()
      for (const place of index.find(type, id))
        if (place.pack !== pack && !(await isThere(place.pack))) missing.add(place.pack)
    }
    let count = 0
    for (const { type, id } of index.inPack(pack)) if (isLost(type, id)) count++
    return lossOf({
      blob: pack,
      file: packPath(pack),
      kind: "pack",
      count,
      has: (content) => {
        const [, type, id] = /^(data|tree)\/([0-9a-f]{64})$/.exec(content) ?? []
        return id !== undefined && isLost(type as BlobType, id)
      },
    })
  }

  async #ofKey(id: string): Promise<LostContents> {
    const found = { blob: id, file: `keys/${id}`, kind: "key" } as const
    const others = (await this.#namesIn("keys")).filter((name) => name !== id).length
    return others === 0
      ? lossOfAll({
          ...found,
          count: this.#sources.index.size,
          note: "It is the only key: no password opens anything without it.",
        })
      : lossOf({
          ...found,
          note: `${others} other ${others === 1 ? "key opens" : "keys open"} the repository, with the password of their own; this one's opens nothing any more.`,
        })
  }

  async #meant(name: string): Promise<Meant> {
    const [, data, other, id] =
      /^(?:(data)\/(?:[0-9a-f]{2}\/)?|(index|snapshots|keys|locks)\/)?([0-9a-f]{1,64})$/.exec(name) ?? []
    if (id === undefined) throw noFileCalled(name)
    const folder = data ?? other
    const byName = new Map<string, Folder>()
    for (const pack of this.#sources.index.packs.names()) byName.set(pack, "data")
    for (const index of this.#sources.indexFiles) byName.set(index, "index")
    for (const each of NAMED_FOLDERS) for (const one of await this.#namesIn(each)) byName.set(one, each)
    const names = [...byName].filter(([, at]) => folder === undefined || at === folder).map(([one]) => one)
    const meant = nameMeantBy(id, names)
    const where = meant === undefined ? undefined : byName.get(meant)
    if (meant !== undefined && where !== undefined) return { folder: where, id: meant }
    // A pack that no index tells of, or not yet.
    const isPack = isHash(id) && (folder === undefined || folder === "data")
    if (isPack && (await this.#sources.files.stat(packPath(id))) !== undefined) return { folder: "data", id }
    throw noFileCalled(name)
  }

  async #namesIn(folder: string): Promise<string[]> {
    try {
      return (await this.#sources.files.names(folder)).names.filter(isHash)
    } catch (error) {
      if (error instanceof StorageError && error.code === "missing") return []
      throw error
    }
  }
}
