export { type BlobMemory, VolatileBlobMemory } from "./blob-memory.js"
export { DirectoryTree, type FileCall, fileError, type TreeOptions } from "./directory-tree.js"
export type { FileTree, FolderNames, TreeEntry, TreeListing } from "./file-tree.js"
