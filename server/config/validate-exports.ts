import { join } from "node:path"
import { type Document, exportName } from "./document.js"
import { EXPOSURE_HINT, exposureSentence, exposuresOf } from "./exposure.js"
import type { Fault } from "./merge.js"

/**
 * Exports whose clients would reach a repository of another cluster, read-only ones too: a repository is its cluster's alone. There
 * is no way to ask for it, because everything that somebody may want by it can be had by a directory for each cluster.
 */
export function exposureFaults({ stores, repositories, exports }: Document): Fault[] {
  const roots = new Map(stores.map(({ name, path }) => [name, path]))
  return exports.flatMap((entry) => {
    const root = roots.get(entry.store)
    if (root === undefined) return []
    const [first, ...more] = exposuresOf(
      { directory: join(root, entry.path), cluster: entry.cluster },
      repositories,
      (store) => roots.get(store),
    )
    if (first === undefined) return []
    const others = more.length === 0 ? "" : `, and ${more.length} more`
    return [
      {
        path: ["exports", exportName(entry), "path"],
        other: ["repositories", first.repository.name, "path"],
        message: `${exposureSentence(first)}${others}. ${EXPOSURE_HINT}`,
      },
    ]
  })
}
