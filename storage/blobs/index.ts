export { type BlobMemory, VolatileBlobMemory } from "./blob-memory.js"
export { DirectoryTree, fileError } from "./directory-tree.js"
export type { FileTree, TreeEntry, TreeListing } from "./file-tree.js"
