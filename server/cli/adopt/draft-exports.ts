import type { OwnershipSample } from "../../../storage/disk/index.js"
import { commonFolder, parsePathTemplate } from "../../../storage/identity/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import type { ExportDraft, Proposed, RepositoryEntryDraft } from "./proposal.js"
import { countOf } from "./describe.js"

/** The users that the files below belong to, the most frequent first. */
export interface Ownership {
  readonly uid: number
  readonly gid: number
  readonly count: number
}

/**
 * One export for each folder that repositories of a cluster lie in, none in another one: whoever mounts the outer one reaches
 * the inner one by its rules.
 */
export function draftExports(
  repositories: readonly RepositoryEntryDraft[],
  owners: ReadonlyMap<string, OwnershipSample>,
): Proposed<ExportDraft>[] {
  const folders = new Map<string, RepositoryEntryDraft[]>()
  for (const repository of repositories) {
    const key = JSON.stringify([repository.store, folderOf(repository), repository.cluster])
    folders.set(key, [...(folders.get(key) ?? []), repository])
  }
  // What two clusters keep in one folder cannot be exported to either: its clients would reach the other's.
  const all = [...folders.values()].filter(
    ([first]) => first !== undefined && !repositories.some((other) => isReachedAcross(first, other)),
  )
  return all.flatMap((inside): Proposed<ExportDraft>[] => {
    const [first] = inside
    if (first === undefined) return []
    const path = folderOf(first)
    const outer = all.some(([other]) => other !== undefined && other !== first && isOuter(other, first))
    if (outer) return []
    const covered = repositories.filter(
      (other) => other.store === first.store && isAround(`/${path}`, `/${folderOf(other)}`),
    )
    const writes = covered.some(({ decides }) => decides === "restore")
    const { squash, remarks } = squashFor(ownersOf(covered, owners))
    return [
      {
        entry: {
          store: first.store,
          path,
          cluster: first.cluster,
          access: writes ? "readWrite" : "readOnly",
          squash,
        },
        remarks: [
          ...(path === ""
            ? [
                "check: this is the store itself, so that clients also see Cistern's own folder .cistern in it.",
              ]
            : []),
          ...(writes ? [] : ["Nothing here is restored from, so that movers need not write here."]),
          ...remarks,
        ],
      },
    ]
  })
}

function isOuter(outer: RepositoryEntryDraft, inner: RepositoryEntryDraft): boolean {
  const [around, path] = [folderOf(outer), folderOf(inner)]
  return (
    outer.store === inner.store && around !== path && isAround(around === "" ? "/" : `/${around}`, `/${path}`)
  )
}

function isReachedAcross(one: RepositoryEntryDraft, other: RepositoryEntryDraft): boolean {
  if (one.cluster === other.cluster || one.store !== other.store) return false
  const [folder, place] = [`/${folderOf(one)}`, `/${folderOf(other)}`]
  return isAround(folder, place) || isAround(place, folder)
}

/** The folder that movers mount. */
function folderOf({ engine, path, namespaceOf }: RepositoryEntryDraft): string {
  if (engine === "kopia" || path === "") return path
  return commonFolder(parsePathTemplate({ path, cluster: "any", namespaceOf }))
}

/** Whose the files of some repositories are, over all that was looked at. */
export function ownersOf(
  repositories: readonly Pick<RepositoryEntryDraft, "members">[],
  owners: ReadonlyMap<string, OwnershipSample>,
): Ownership[] {
  const found = new Map<string, Ownership>()
  for (const { path } of repositories.flatMap(({ members }) => members)) {
    for (const { uid, gid, count } of owners.get(path)?.owners ?? []) {
      const key = `${uid}:${gid}`
      found.set(key, { uid, gid, count: (found.get(key)?.count ?? 0) + count })
    }
  }
  return [...found.values()].sort((one, other) => other.count - one.count || one.uid - other.uid)
}

function squashFor([most, ...others]: readonly Ownership[]): {
  readonly squash: ExportDraft["squash"]
  readonly remarks: readonly string[]
} {
  if (most === undefined) return { squash: undefined, remarks: [] }
  const { uid, gid } = most
  const looked = [most, ...others].reduce((sum, { count }) => sum + count, 0)
  const share = `${most.count} of the ${countOf(looked, "file and folder", "files and folders")} that were looked at belong to ${uid}:${gid}`
  if (uid === 0) {
    return {
      squash: undefined,
      remarks: [
        `check: ${share}. Nobody should be root through an export; give the files to another user and say it under \`squash:\`.`,
      ],
    }
  }
  return { squash: { uid, gid }, remarks: [`check: everybody on a client becomes ${uid}:${gid}: ${share}.`] }
}
