import {
  DirectoryTree,
  type FileTree,
  type FolderNames,
  type TreeEntry,
  type TreeListing,
} from "../../../storage/blobs/index.js"

/** A directory whose reads, looks and listings can be counted, changed and made to fail. */
export class FaultyTree implements FileTree {
  readonly location: string
  /** Called before each listing and reading, with the path. May throw, or change the directory. */
  before: (action: "list" | "read", path: string) => void = () => undefined
  /** Changes what a read gives. */
  change: (path: string, bytes: Uint8Array) => Uint8Array = (_path, bytes) => bytes
  readonly reads: string[] = []
  /** Files that were looked at without reading them, but for those of a whole folder. */
  readonly looks: string[] = []
  readonly #files: DirectoryTree

  constructor(directory: string) {
    this.location = directory
    this.#files = new DirectoryTree(directory)
  }

  async list(folder: string): Promise<TreeListing> {
    this.before("list", folder)
    return this.#files.list(folder)
  }

  async names(folder: string): Promise<FolderNames> {
    this.before("list", folder)
    return this.#files.names(folder)
  }

  async read(path: string, maxLength: number): Promise<Uint8Array> {
    this.before("read", path)
    this.reads.push(path)
    return this.change(path, await this.#files.read(path, maxLength))
  }

  async readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#files.readRange(path, offset, length)
  }

  async stat(path: string): Promise<TreeEntry | undefined> {
    this.looks.push(path)
    return this.#files.stat(path)
  }
}
