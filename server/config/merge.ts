import {
  type DeclaredDocument,
  type DeclaredRepository,
  type Document,
  exportName,
  type RepositoryEntry,
} from "./document.js"
import type { DocumentPath } from "./document-error.js"

/** A fault of a document's meaning: its shape was right. `path` names entries by their names. */
export interface Fault {
  readonly path: DocumentPath
  /** The other side of a contradiction: shown where `path` was declared before, and this is declared now. */
  readonly other?: DocumentPath
  readonly message: string
}

/** What is declared, over what is there. What the declaration does not name stays, unless `remove` says otherwise. */
export function mergeDocuments(
  current: Document,
  declared: DeclaredDocument,
  remove: boolean,
): DeclaredDocument {
  const over = <T>(before: readonly T[], after: readonly T[], key: (entry: T) => string): T[] => {
    if (remove) return [...after]
    const named = new Map(after.map((entry) => [key(entry), entry]))
    const known = new Set(before.map(key))
    return [
      ...before.map((entry) => named.get(key(entry)) ?? entry),
      ...after.filter((entry) => !known.has(key(entry))),
    ]
  }
  const byName = (entry: { readonly name: string }): string => entry.name
  return {
    stores: over(current.stores, declared.stores, byName),
    clusters: over(current.clusters, declared.clusters, byName),
    repositories: over<DeclaredRepository>(current.repositories, declared.repositories, byName),
    exports: over(current.exports, declared.exports, exportName),
    nfsServer: declared.nfsServer ?? (remove ? undefined : current.nfsServer),
    schedules: over(current.schedules, declared.schedules, byName),
    quietHours: declared.quietHours ?? (remove ? undefined : current.quietHours),
    scrub: declared.scrub ?? (remove ? undefined : current.scrub),
    drills: declared.drills ?? (remove ? undefined : current.drills),
  }
}

/** A cluster's only repository restores; with several it must be said. */
export function resolveDecides(document: DeclaredDocument): {
  readonly document: Document
  readonly faults: readonly Fault[]
} {
  const faults: Fault[] = []
  const repositories = document.repositories.map((repository): RepositoryEntry => {
    if (repository.decides !== undefined) return { ...repository, decides: repository.decides }
    const others = document.repositories.filter(
      (other) => other.cluster === repository.cluster && other.name !== repository.name,
    )
    if (others.length > 0) {
      faults.push({
        path: ["repositories", repository.name, "decides"],
        message:
          `cluster ${repository.cluster} has ${others.length + 1} repositories, so each must say what it decides: ` +
          "restore, guard or no",
      })
    }
    return { ...repository, decides: "restore" }
  })
  return { document: { ...document, repositories }, faults }
}
