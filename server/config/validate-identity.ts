import {
  overlap,
  parseClaims,
  parseConvention,
  parseNamespaceRules,
  parsePathTemplate,
  parseVolumeKey,
} from "../../storage/identity/index.js"
import { StorageError } from "../../storage/index.js"
import type { RepositoryEntry } from "./document.js"
import type { Fault } from "./merge.js"
import { placeFaults } from "./validate-places.js"

/** Conventions, paths, namespaces and mapped volumes that do not say clearly whose backup is whose. */
export function identityFaults(repositories: readonly RepositoryEntry[]): Fault[] {
  const own = repositories.flatMap((repository) => [
    ...namespacesFaults(repository),
    ...(repository.engine === "kopia" ? kopiaFaults(repository) : resticFaults(repository)),
  ])
  // Overlap is asked only of patterns that are patterns.
  return own.length > 0 ? own : [...placeFaults(repositories), ...overlapFaults(repositories)]
}

function namespacesFaults({ name, namespaces }: RepositoryEntry): Fault[] {
  return tried(["repositories", name, "namespaces"], () => parseNamespaceRules(namespaces))
}

function kopiaFaults(repository: RepositoryEntry): Fault[] {
  const { name, conventions, volumes, dismissed } = repository
  return [
    ...conventions.flatMap((convention, at) =>
      tried(["repositories", name, "conventions", at], () => parseConvention(convention)),
    ),
    ...tried(["repositories", name, "volumes"], () => parseClaims({ volumes, dismissed })),
    ...tried(["repositories", name, "path"], () => {
      const template = parsedPath(repository)
      if (template?.perVolume === true) {
        throw new StorageError("invalid", "a Kopia repository has one place, without {pvc}")
      }
    }),
  ]
}

function resticFaults(repository: RepositoryEntry): Fault[] {
  const { name, volumes, cluster } = repository
  return [
    ...tried(["repositories", name, "path"], () => parsedPath(repository)),
    ...Object.entries(volumes).flatMap(([volume, directory]) =>
      tried(["repositories", name, "volumes", volume], () => {
        parseVolumeKey(volume)
        if (typeof directory !== "string") {
          throw new StorageError("invalid", "a restic volume is mapped to one directory")
        }
        if (parsePathTemplate({ path: directory, cluster }).perVolume) {
          throw new StorageError("invalid", "a volume is mapped to a directory, not to a template")
        }
      }),
    ),
  ]
}

function parsedPath({ place, cluster, namespaceMap }: RepositoryEntry) {
  // The store itself may be the repository.
  if (place.kind === "s3" || place.path === "") return undefined
  return parsePathTemplate({ path: place.path, cluster, namespaceOf: namespaceMap })
}

/** A volume has at most one repository that restores it (design 5.2). */
function overlapFaults(repositories: readonly RepositoryEntry[]): Fault[] {
  const restoring = repositories.filter(({ decides }) => decides === "restore")
  return restoring.flatMap((repository, at) =>
    restoring.slice(0, at).flatMap((other) => {
      if (other.cluster !== repository.cluster) return []
      const both = overlap(parseNamespaceRules(other.namespaces), parseNamespaceRules(repository.namespaces))
      if (both === undefined) return []
      return [
        {
          path: ["repositories", repository.name, "namespaces"],
          message:
            `repository ${other.name} restores some of the same namespaces (${both} is one): ` +
            "divide them, or let one of the two only guard",
        },
      ]
    }),
  )
}

function tried(path: Fault["path"], parse: () => unknown): Fault[] {
  try {
    parse()
    return []
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return [{ path, message: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` }]
  }
}
