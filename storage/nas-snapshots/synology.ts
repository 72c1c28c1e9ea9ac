import { type FilesystemSnapshot, parseSnapshotName, snapshotName } from "../disk/index.js"
import { StorageError } from "../errors.js"
import {
  createShareSnapshot,
  deleteShareSnapshot,
  type DsmClient,
  listShares,
  listShareSnapshots,
  lockShareSnapshot,
  pathOf,
  type ShareSnapshot,
} from "../nas/synology/index.js"
import { isHeld, type NasSnapshots, notOurs, notThere, nothingMore } from "./nas-snapshots.js"

const HOLDER = "DSM (locked)"

/**
 * Those of the shared folder that holds `directory`, by DSM's Snapshot Replication. Their names are DSM's own; that one is ours is told by its
 * description. Throws StorageError `unsupported` where it lies in no shared folder or in one that has none, and as DsmClient.call does.
 */
export async function synologySnapshots(dsm: DsmClient, directory: string): Promise<NasSnapshots> {
  const share = (await listShares(dsm)).find((one) => isWithin(directory, pathOf(one)))
  if (share === undefined) {
    throw new StorageError("unsupported", `${directory} is in no shared folder of DSM's`, {
      facts: { directory },
      hint: "Make a shared folder in Control Panel > Shared Folder, and a store of it.",
    })
  }
  if (share.snapshots === false) {
    throw new StorageError("unsupported", `DSM has no filesystem snapshots of ${pathOf(share)}`, {
      facts: { share: share.name },
      hint: "Move the shared folder to a btrfs volume.",
    })
  }
  const { name: of } = share
  const list = async (): Promise<FilesystemSnapshot[]> =>
    (await listShareSnapshots(dsm, of)).toReversed().map(described)
  const required = async (id: string): Promise<FilesystemSnapshot> => {
    const one = (await list()).find(({ name }) => name === id)
    if (one === undefined) throw notThere(id, of)
    if (!one.ours) throw notOurs(id)
    return one
  }
  return {
    kind: "synology",
    of,
    notices: [
      "DSM's Snapshot Replication lists them too, and may remove them by its own retention unless they are locked.",
    ],
    shownAt: (id) => `#snapshot/${id}`,
    list,
    async create({ reason, hold, now = new Date() }) {
      const description = snapshotName(now.getTime(), reason)
      return required(await createShareSnapshot(dsm, of, { description, locked: hold !== undefined }))
    },
    async hold(id) {
      if ((await required(id)).holds.length === 0) await lockShareSnapshot(dsm, of, id, true)
    },
    async release(id) {
      if ((await required(id)).holds.length > 0) await lockShareSnapshot(dsm, of, id, false)
    },
    async remove(id) {
      if ((await required(id)).holds.length > 0) throw isHeld(id, "DSM")
      await deleteShareSnapshot(dsm, of, id)
    },
  }
}

function described({ id, takenAt, description, locked }: ShareSnapshot): FilesystemSnapshot {
  const ours = parseSnapshotName(description)
  return {
    ...nothingMore,
    name: id,
    ours: ours !== undefined,
    createdAt: takenAt,
    reason: ours?.reason,
    holds: locked ? [HOLDER] : [],
  }
}

function isWithin(path: string, around: string): boolean {
  return path === around || path.startsWith(`${around}/`)
}
