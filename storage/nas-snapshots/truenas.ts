import { type FilesystemSnapshot, freeSnapshotName, parseSnapshotName } from "../disk/index.js"
import { StorageError } from "../errors.js"
import {
  createFilesystemSnapshot,
  deleteFilesystemSnapshot,
  type FilesystemSnapshot as TrueNasSnapshot,
  filesystemAt,
  holdFilesystemSnapshot,
  listFilesystemSnapshots,
  releaseFilesystemSnapshot,
  type TrueNasApi,
} from "../nas/truenas/index.js"
import { isHeld, type NasSnapshots, notOurs, notThere, nothingMore } from "./nas-snapshots.js"

const HOLDER = "TrueNAS"

/**
 * Those of the dataset that holds `directory`, a path of TrueNAS' below `/mnt`. Throws StorageError `unsupported` where there is no such
 * dataset, and as TrueNasApi.call does.
 */
export async function trueNasSnapshots(api: TrueNasApi, directory: string): Promise<NasSnapshots> {
  const found = directory.startsWith("/mnt/") ? await filesystemAt(api, directory) : undefined
  if (found?.type.toLowerCase() !== "zfs") {
    throw new StorageError("unsupported", `TrueNAS has no dataset at ${directory}`, {
      facts: { directory },
      hint: "Mount the dataset into the container under the path that it has in TrueNAS, below /mnt.",
    })
  }
  const dataset = found.source
  const list = async (): Promise<FilesystemSnapshot[]> =>
    (await listFilesystemSnapshots(api, dataset)).map(described).sort(newestFirst)
  const required = async (name: string): Promise<FilesystemSnapshot> => {
    if (parseSnapshotName(name) === undefined) throw notOurs(name)
    const one = (await list()).find((snapshot) => snapshot.name === name)
    if (one === undefined) throw notThere(name, dataset)
    return one
  }
  const idOf = (name: string): string => `${dataset}@${name}`
  return {
    kind: "truenas",
    of: dataset,
    notices: ["Datasets below it are not part of its filesystem snapshots."],
    shownAt: (name) => `.zfs/snapshot/${name}`,
    list,
    async create({ reason, hold, now = new Date() }) {
      const taken = new Set((await listFilesystemSnapshots(api, dataset)).map(({ name }) => name))
      const name = freeSnapshotName(taken, reason, now.getTime())
      await createFilesystemSnapshot(api, dataset, name)
      if (hold !== undefined) await holdFilesystemSnapshot(api, idOf(name))
      return required(name)
    },
    async hold(name) {
      if ((await required(name)).holds.length === 0) await holdFilesystemSnapshot(api, idOf(name))
    },
    async release(name) {
      if ((await required(name)).holds.length > 0) await releaseFilesystemSnapshot(api, idOf(name))
    },
    async remove(name) {
      if ((await required(name)).holds.length > 0) throw isHeld(name, "TrueNAS")
      await deleteFilesystemSnapshot(api, idOf(name))
    },
  }
}

/** TrueNAS tells no time with the list: of those that are not ours none is known, which is shown as 0. */
function described({ name, held }: TrueNasSnapshot): FilesystemSnapshot {
  const ours = parseSnapshotName(name)
  return {
    ...nothingMore,
    name,
    ours: ours !== undefined,
    createdAt: ours?.createdAt ?? 0,
    reason: ours?.reason,
    holds: held ? [HOLDER] : [],
  }
}

function newestFirst(one: FilesystemSnapshot, other: FilesystemSnapshot): number {
  return other.createdAt - one.createdAt
}
