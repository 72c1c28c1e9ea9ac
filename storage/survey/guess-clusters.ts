import { isRoleName } from "./folder-words.js"

/** A repository's directory, relative to its store. */
export interface ClusterClue {
  readonly path: string
  /** Namespaces that were seen in it. */
  readonly namespaces: ReadonlySet<string>
  /** One repository for all volumes, not one for each. */
  readonly shared: boolean
}

/**
 * From a repository's path to its cluster, where the topmost folders that differ look like clusters: each holds, some levels
 * below, what would be a cluster's backups. Undefined: nothing speaks for more than one cluster.
 */
export function guessClusters(clues: readonly ClusterClue[]): ReadonlyMap<string, string> | undefined {
  const paths = clues.map(({ path }) => path.split("/"))
  const level = sharedFolders(paths)
  const clusters = new Map<string, string>()
  const convincing = new Set<string>()
  for (const [at, { path, namespaces, shared }] of clues.entries()) {
    const segments = paths[at] ?? []
    const name = segments[level] ?? ""
    if (!isClusterName(name) || isRoleName(name) || namespaces.has(name)) return undefined
    clusters.set(path, name)
    if (liesBelow(segments.slice(level + 1), shared) || speaksOfClusters(name)) convincing.add(name)
  }
  return convincing.size > 1 && convincing.size === new Set(clusters.values()).size ? clusters : undefined
}

/** Below a cluster's folder a volume's own repository lies in its namespace's, and a shared one in one of its own. */
function liesBelow(segments: readonly string[], shared: boolean): boolean {
  return shared ? segments.length > 0 : segments.filter((name) => !isRoleName(name)).length > 1
}

/** How many folders all paths have in common. */
function sharedFolders(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths
  const end = first.findIndex((part, at) => paths.some((path) => path[at] !== part))
  return end < 0 ? first.length : end
}

/** As the document wants it. */
function isClusterName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
}

function speaksOfClusters(name: string): boolean {
  return /cluster|k8s|k3s|talos|^(?:prod|production|staging|stage|dev|lab|homelab)$/.test(name)
}
