import { isNamespace, isPvcName, type VolumeName } from "../identity/index.js"
import { isCopyName } from "./folder-words.js"
import type { Survey } from "./survey.js"

/** A folder that may be the plain copy of a volume, made by rclone or rsync. */
export interface GuessedCopy {
  readonly path: string
  readonly volume: VolumeName | undefined
  /** Never more than likely: plain files bear no mark of who wrote them. */
  readonly confidence: "likely" | "possible"
  readonly why: string
}

/** More than these are said to be more. */
const MOST = 1_000

/** Finds folders that may be copies of volumes, by their names and what is known of namespaces. */
export function guessCopies(
  { copies, withFiles }: Pick<Survey, "copies" | "withFiles">,
  namespaces: ReadonlySet<string>,
): { readonly copies: readonly GuessedCopy[]; readonly more: boolean } {
  const found = new Map<string, GuessedCopy>()
  for (const path of copies) {
    const segments = path.split("/")
    const volume = volumeOf(segments.at(-2), segments.at(-1))
    found.set(path, {
      path,
      volume,
      confidence: "likely",
      why: "VolSync's rclone mover leaves permissions.facl at the top of a copy",
    })
  }
  for (const path of withFiles) {
    if (found.size > MOST) break
    const copy = possibleCopy(path.split("/"), namespaces)
    if (copy !== undefined && !found.has(copy.path)) found.set(copy.path, copy)
  }
  const all = [...found.values()].sort((one, other) => (one.path < other.path ? -1 : 1))
  return { copies: all.slice(0, MOST), more: all.length > MOST }
}

function possibleCopy(segments: readonly string[], namespaces: ReadonlySet<string>): GuessedCopy | undefined {
  for (let at = 0; at + 1 < segments.length; at++) {
    const volume = volumeOf(segments[at], segments[at + 1])
    if (volume === undefined) continue
    const path = segments.slice(0, at + 2).join("/")
    if (namespaces.has(volume.namespace)) {
      const why = `it holds plain files, and volumes of the namespace ${volume.namespace} are backed up here`
      return { path, volume, confidence: "possible", why }
    }
    const above = segments[at - 1]
    if (above !== undefined && isCopyName(above)) {
      const why = `it holds plain files, in a folder called ${above}`
      return { path, volume, confidence: "possible", why }
    }
  }
  return undefined
}

function volumeOf(namespace: string | undefined, pvc: string | undefined): VolumeName | undefined {
  if (namespace === undefined || pvc === undefined) return undefined
  return isNamespace(namespace) && isPvcName(pvc) ? { namespace, pvc } : undefined
}
