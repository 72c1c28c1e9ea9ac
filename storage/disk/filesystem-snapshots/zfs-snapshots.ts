import { join } from "node:path"
import { StorageError } from "../../errors.js"
import { type ZfsProgram, zfsProgram } from "../../host/index.js"
import type { FilesystemSnapshot, FilesystemSnapshots, NewSnapshot, SnapshotPlace } from "./snapshot.js"
import { freeSnapshotName, parseSnapshotName, requireOurs, requireWords } from "./snapshot-name.js"
import { parseZfsHolds, parseZfsSnapshots, snapshotColumns, type ZfsSnapshotRow } from "./zfs-tables.js"

type ZfsPlace = Extract<SnapshotPlace, { kind: "zfs" }>

const TAG = "cistern:"

/**
 * Filesystem snapshots of one ZFS dataset. Reason and expiry are user properties of the snapshot, a hold is ZFS' own, with the
 * tag "cistern:<who>": ZFS itself refuses to destroy what anybody holds.
 */
export function zfsSnapshots(place: ZfsPlace, zfs: ZfsProgram = zfsProgram()): FilesystemSnapshots {
  const { dataset, folder } = place
  const full = (name: string): string => `${dataset}@${name}`

  const rows = async (): Promise<readonly ZfsSnapshotRow[]> =>
    parseZfsSnapshots(await zfs.snapshots(dataset, snapshotColumns), dataset)

  const describe = async (row: ZfsSnapshotRow): Promise<FilesystemSnapshot> => {
    const ours = parseSnapshotName(row.name)
    return {
      name: row.name,
      ours: ours !== undefined,
      createdAt: row.createdAt,
      reason: ours === undefined ? undefined : (row.reason ?? ours.reason),
      expiresAt: row.expiresAt,
      holds: row.userReferences === 0 ? [] : await holdersOf(row.name),
      path: join(folder, row.name),
      state: "whole",
      ownBytes: row.usedBytes,
    }
  }

  const tagsOf = async (name: string): Promise<readonly string[]> =>
    parseZfsHolds(await zfs.holds(full(name)))

  const holdersOf = async (name: string): Promise<string[]> => {
    const tags = await tagsOf(name)
    const holders = tags.map((tag) => (tag.startsWith(TAG) ? tag.slice(TAG.length) : tag))
    // ZFS said that somebody holds it; that they are not told does not make it free.
    return holders.length > 0 ? holders : ["somebody"]
  }

  const required = async (name: string): Promise<FilesystemSnapshot> => {
    requireOurs(name)
    const row = (await rows()).find((one) => one.name === name)
    if (row !== undefined) return describe(row)
    throw new StorageError("missing", `there is no filesystem snapshot ${name} of ${dataset}`, {
      facts: { name },
    })
  }

  return {
    place,
    async list() {
      const found = await Promise.all((await rows()).map(describe))
      return found.sort((one, other) => other.createdAt - one.createdAt)
    },
    async create({ reason, expiresAt, hold, now = new Date() }: NewSnapshot) {
      if (hold !== undefined) requireWords(hold, "holder")
      const name = freeSnapshotName(new Set((await rows()).map((row) => row.name)), reason, now.getTime())
      const expires = expiresAt === undefined ? [] : [`cistern:expires=${new Date(expiresAt).toISOString()}`]
      await zfs.snapshot(full(name), [`cistern:reason=${reason}`, ...expires])
      if (hold !== undefined) await zfs.hold(`${TAG}${hold}`, full(name))
      return required(name)
    },
    async hold(name, holder) {
      requireWords(holder, "holder")
      await required(name)
      if (!(await tagsOf(name)).includes(`${TAG}${holder}`)) await zfs.hold(`${TAG}${holder}`, full(name))
    },
    async release(name, holder) {
      requireWords(holder, "holder")
      await required(name)
      if ((await tagsOf(name)).includes(`${TAG}${holder}`)) await zfs.release(`${TAG}${holder}`, full(name))
    },
    async remove(name) {
      const { holds } = await required(name)
      if (holds.length > 0) {
        throw new StorageError("invalid", `the filesystem snapshot ${name} is held by ${holds.join(", ")}`, {
          facts: { name },
          hint: "Release it first, when what holds it has ended.",
        })
      }
      await zfs.destroySnapshot(full(name))
    },
  }
}
