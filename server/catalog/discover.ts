import { DirectoryTree, type FileCall } from "../../storage/blobs/index.js"
import { askServerAnew, foreignNames, STORE_FOLDER } from "../../storage/disk/index.js"
import type { DiscoverRequest } from "./messages.js"

/** Folders `depth` levels below `root`. A folder that cannot be read fails the whole: a part must not pass for all. */
export async function discover({ root, depth }: DiscoverRequest, during: FileCall): Promise<string[]> {
  during(() => {
    askServerAnew(root)
  })
  const tree = new DirectoryTree(root, during)
  let folders = [""]
  for (let level = 0; level < depth; level++) {
    const deeper: string[] = []
    for (const folder of folders) {
      for (const entry of (await tree.list(folder)).entries) {
        if (entry.kind !== "directory" || entry.name === STORE_FOLDER || foreignNames.has(entry.name))
          continue
        deeper.push(folder === "" ? entry.name : `${folder}/${entry.name}`)
      }
    }
    folders = deeper
  }
  return folders.sort()
}
