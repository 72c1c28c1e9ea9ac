import type { FilesystemSnapshotMethods, SnapshotScope, TreeSnapshots } from "../../catalog/index.js"
import type { Fence } from "../stores/store-fences.js"
import type { SnapshotSource, SourceTree } from "./snapshot-source.js"

/** Has the store's thread do something. Throws StorageError, and HttpError where the store hangs. */
export type StoreCall = <Name extends keyof FilesystemSnapshotMethods>(
  method: Name,
  argument: Parameters<FilesystemSnapshotMethods[Name]>[0],
) => Promise<Awaited<ReturnType<FilesystemSnapshotMethods[Name]>>>

/** By btrfs or ZFS on this machine, in the store's thread. */
export function localSource(
  call: StoreCall,
  scope: () => Promise<SnapshotScope>,
  fences: readonly Fence[],
): SnapshotSource {
  return {
    look: async () => {
      const found = await call("filesystemSnapshots", await scope())
      const [by] = found.flatMap(({ answer }) => (answer.possible ? [answer.place.kind] : []))
      return { by, trees: found.map(treeOf) }
    },
    make: async (wanted) => call("makeFilesystemSnapshots", { ...(await scope()), ...wanted, fences }),
    hold: async (one, holder) =>
      call("holdFilesystemSnapshot", { ...(await scope()), ...one, holder, fences }),
    release: async (one, holder) =>
      call("releaseFilesystemSnapshot", { ...(await scope()), ...one, holder, fences }),
    remove: async (one) => call("removeFilesystemSnapshot", { ...(await scope()), ...one, fences }),
    shownAt: () => Promise.resolve(undefined),
  }
}

function treeOf({ of, answer, snapshots }: TreeSnapshots): SourceTree {
  return answer.possible
    ? { of, possible: true, message: undefined, hint: undefined, notices: answer.place.notices, snapshots }
    : { of, possible: false, message: answer.message, hint: answer.hint, notices: [], snapshots }
}
