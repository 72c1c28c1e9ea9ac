import type { FileContents } from "../../../storage/index.js"
import type { JobContext } from "../../jobs/index.js"

/** Contents whose reading waits while there is a reason to: between the pieces of a file, too. */
export function standingBack(
  contents: FileContents,
  { standBack }: Pick<JobContext, "standBack">,
): FileContents {
  return {
    root: (snapshot) => contents.root(snapshot),
    describedRoot: (snapshot) => contents.describedRoot(snapshot),
    list: async (directory) => {
      await standBack()
      return contents.list(directory)
    },
    target: (symlink) => contents.target(symlink),
    async *read(file, range) {
      for await (const piece of contents.read(file, range)) {
        await standBack()
        yield piece
      }
    },
  }
}
