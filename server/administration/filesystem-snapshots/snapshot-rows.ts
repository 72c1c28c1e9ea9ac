import type { FilesystemSnapshot } from "../../../storage/disk/index.js"
import type { FilesystemSnapshotJson } from "../../http/contract/filesystem-snapshots.js"
import { HttpError } from "../../http/index.js"
import type { SourceTree } from "./snapshot-source.js"

/** A filesystem snapshot as it is shown. */
export function rowOf(store: string, of: string, snapshot: FilesystemSnapshot): FilesystemSnapshotJson {
  const { name, ours, createdAt, reason, expiresAt, holds, path, state, ownBytes } = snapshot
  return {
    id: `${store}@${name}`,
    store,
    of,
    name,
    ours,
    createdAt: createdAt === 0 ? null : new Date(createdAt).toISOString(),
    reason: reason ?? null,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    holds: [...holds],
    path: path ?? null,
    state,
    ownBytes: typeof ownBytes === "number" ? ownBytes : null,
  }
}

/** All of a store, the newest first. What others put beside ours is seen from each subvolume, and shown once. */
export function rowsOf(store: string, trees: readonly SourceTree[]): FilesystemSnapshotJson[] {
  const seen = new Set<string>()
  const rows = trees.flatMap(({ of, snapshots }) =>
    snapshots.flatMap((one) => {
      const key = one.ours && one.state === "whole" ? `${of}@${one.name}` : one.name
      if (seen.has(key)) return []
      seen.add(key)
      return [rowOf(store, of, one)]
    }),
  )
  return rows.sort((one, other) => ((one.createdAt ?? "") < (other.createdAt ?? "") ? 1 : -1))
}

export interface ChosenSnapshot {
  readonly tree: SourceTree
  readonly snapshot: FilesystemSnapshot
}

/** Finds the one that is meant. Throws HttpError 404, and 400 where several have that name. */
export function chosen(
  trees: readonly SourceTree[],
  { store, name, of }: { readonly store: string; readonly name: string; readonly of?: string },
): ChosenSnapshot {
  const found = trees
    .filter((tree) => of === undefined || tree.of === of)
    .flatMap((tree) =>
      tree.snapshots.flatMap((snapshot) => (snapshot.name === name ? [{ tree, snapshot }] : [])),
    )
  const [first, second] = found
  if (first === undefined) {
    throw new HttpError(404, "not_found", `There is no filesystem snapshot ${store}@${name}.`, {
      hint: "`cistern filesystem-snapshots` lists them.",
    })
  }
  // What is not ours is seen from each subvolume, and is one and the same.
  if (second === undefined || !first.snapshot.ours || first.snapshot.state !== "whole") return first
  const trees_ = found.map(({ tree }) => tree.of).join(", ")
  throw new HttpError(400, "which_snapshot", `Several are called ${name}: of ${trees_}.`, {
    hint: "Say of which with --of.",
  })
}
