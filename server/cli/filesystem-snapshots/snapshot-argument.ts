import { usageError } from "../cli-error.js"

export interface NamedSnapshotOption {
  readonly of?: string
}

/** "store@name", as the list shows it. Names of stores hold no "@". */
export function snapshotArgument(
  text: string,
  { of }: NamedSnapshotOption = {},
): { store: string; name: string; of?: string } {
  const at = text.indexOf("@")
  if (at <= 0 || at === text.length - 1) {
    throw usageError(
      `${JSON.stringify(text)} is no filesystem snapshot`,
      "Write it as store@name; the list shows the ids.",
    )
  }
  return { store: text.slice(0, at), name: text.slice(at + 1), ...(of === undefined ? {} : { of }) }
}

/** "store@name:path". DSM's names have colons, such as `GMT+01:00-…`, and paths have none that matter: what follows the last one that is no part of a time. */
export function snapshotPathArgument(
  text: string,
  option: NamedSnapshotOption = {},
): { store: string; name: string; of?: string; path: string } {
  const [, id, path] = /^([^@]+@(?:GMT[+-]\d{2}:?(?:\d{2})?-)?[^:]+):(.*)$/s.exec(text) ?? []
  if (id === undefined || path === undefined) {
    throw usageError(
      `${JSON.stringify(text)} names no directory in a filesystem snapshot`,
      "Write it as store@name:path, with the path below the store; an empty one is the store itself.",
    )
  }
  return { ...snapshotArgument(id, option), path: path.replace(/\/+$/, "") }
}
