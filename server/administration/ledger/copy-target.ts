import { join } from "node:path"
import { type Fleet, type FleetRepository, isPerVolume, spotOf } from "../../answers/index.js"
import type { PlaceSpec, PlaceView } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import { type FenceRecord, STORE_FOLDER } from "../../../storage/disk/index.js"
import { commonFolder } from "../../../storage/identity/index.js"

/** Where the copy of a store's ledger lies, or why there is none. */
export type CopyTarget = { readonly store: StoreEntry } & (
  | { readonly kind: "kept"; readonly sentinel: string; readonly fences: PlaceSpec["fences"] }
  | { readonly kind: "none"; readonly why: string }
)

/**
 * Decides where a copy of a store's ledger may lie: in the store's own folder, beside its sentinel, and never where a cluster's
 * movers or a repository's engine could meet it.
 */
export function copyTarget(store: StoreEntry, fleet: Fleet, record: FenceRecord | undefined): CopyTarget {
  if (record?.sentinel === undefined) return { kind: "none", store, why: "it has no folder of ours" }
  const folder = join(store.path, STORE_FOLDER)
  const repository = fleet.repositories.find((one) => isInside(folder, one))
  if (repository !== undefined) {
    return { kind: "none", store, why: `its own folder would lie in repository ${repository.entry.name}` }
  }
  const exported = exportedPaths(fleet).find((path) => isBelow(folder, path))
  if (exported !== undefined) {
    return { kind: "none", store, why: `its own folder lies in ${exported}, which is exported` }
  }
  const fences = [{ path: store.path, record, store: store.name }]
  return { kind: "kept", store, sentinel: record.sentinel, fences }
}

/** Whether everything that is held of a store was looked at, and a repository was found. */
export function isListed({ path }: StoreEntry, views: readonly PlaceView[]): boolean {
  const own = views.filter(({ spec }) => isBelow(spec.directory, path))
  return (
    own.some(({ generation }) => generation !== undefined) &&
    own.every(({ generation, trouble }) => generation !== undefined || trouble !== undefined)
  )
}

/** Whether a folder lies in a directory that is, or may become, this repository. */
function isInside(folder: string, repository: FleetRepository): boolean {
  const { root, template } = repository
  if (template === undefined || !isPerVolume(repository)) {
    const spot = spotOf(repository, { namespace: "any", pvc: "any" })
    return isBelow(folder, spot?.directory ?? root)
  }
  if (!isBelow(folder, join(root, commonFolder(template)))) return false
  const deep = (path: string): number => path.split("/").filter((part) => part !== "").length
  return deep(folder) - deep(root) > template.segments.length
}

function exportedPaths({ document }: Fleet): string[] {
  const roots = new Map(document.stores.map(({ name, path }) => [name, path]))
  return document.exports.flatMap(({ store, path }) => {
    const root = roots.get(store)
    return root === undefined ? [] : [join(root, path)]
  })
}

function isBelow(path: string, directory: string): boolean {
  const above = directory.endsWith("/") ? directory : `${directory}/`
  return path === directory || path.startsWith(above)
}
