import { type NamedRights, type NewOwner, parseNamedRights } from "../../../storage/disk/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import type { Document, RepositoryEntry } from "../../config/index.js"

/** Whose a repository's directories are to be, as far as somebody said it. */
export interface Expectation {
  readonly owner: ExpectedOwner | undefined
  /** Whom the exports through which its movers write make everybody: one for each that differs. Empty: nobody is made another. */
  readonly squashes: readonly Squash[]
  /** Path, relative to the store, of the innermost export around it; undefined: none is declared. */
  readonly exported: string | undefined
}

export interface ExpectedOwner {
  readonly uid: number
  readonly gid: number
  /** As declared: where there is a list, the owning group's own rights are in it, not the mask. */
  readonly mode: number | undefined
  /** Who else is named, if anybody. */
  readonly acl?: readonly NamedRights[]
  readonly from: "document" | "export"
}

/** The mode of a directory of which nobody said more than whose it is: what both engines make theirs. */
export const USUAL_MODE = 0o700

/** How a directory is made that is to be somebody's. */
export function newOwner({ uid, gid, mode = USUAL_MODE, acl }: ExpectedOwner): NewOwner {
  return { uid, gid, mode, ...(acl && { acl }) }
}

export interface Squash {
  readonly uid: number
  readonly gid: number
}

/** Decides by the document alone. `path` is relative to the store of the repository. */
export function expectationOf(
  { exports }: Pick<Document, "exports">,
  { owner, cluster, place }: Pick<RepositoryEntry, "owner" | "cluster" | "place">,
  path: string,
): Expectation {
  const store = place.kind === "store" ? place.store : undefined
  const around = exports
    .filter((one) => one.store === store && one.cluster === cluster && one.access === "readWrite")
    .filter((one) => isAround(`/${one.path}`, `/${path}`))
  const squashes = distinct(around.flatMap(({ squash }) => squash ?? []))
  const innermost = around.map((one) => one.path).sort((one, other) => other.length - one.length)[0]
  return { owner: ownerBy(owner, squashes), squashes, exported: innermost }
}

function ownerBy(owner: RepositoryEntry["owner"], squashes: readonly Squash[]): ExpectedOwner | undefined {
  if (owner !== undefined) {
    const mode = owner.mode === undefined ? undefined : parseInt(owner.mode, 8)
    // What is none was refused with the document.
    const acl = owner.acl?.flatMap((entry) => parseNamedRights(entry) ?? [])
    return { uid: owner.uid, gid: owner.gid, mode, ...(acl && { acl }), from: "document" }
  }
  const [squash] = squashes
  // Two exports that differ say nothing together.
  return squash === undefined || squashes.length > 1
    ? undefined
    : { uid: squash.uid, gid: squash.gid, mode: undefined, from: "export" }
}

function distinct(squashes: readonly Squash[]): Squash[] {
  return [...new Map(squashes.map(({ uid, gid }) => [`${uid}:${gid}`, { uid, gid }])).values()]
}
