import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { flag } from "./fields.js"
import { shareRefusals } from "./refusal.js"

/** A filesystem snapshot of a shared folder. */
export interface ShareSnapshot {
  /** Such as `GMT+01-2026.01.02-03.04.05`. */
  readonly id: string
  /** Unix milliseconds. */
  readonly takenAt: number
  readonly description: string
  /** Kept when DSM thins out by itself. */
  readonly locked: boolean
}

const ID = /^GMT([+-])(\d{2}):?(\d{2})?-(\d{4})\.(\d{2})\.(\d{2})-(\d{2})\.(\d{2})\.(\d{2})$/

/** When a filesystem snapshot was taken, in Unix milliseconds: its id is local time with its offset. Undefined for no id. */
export function timeOfSnapshot(id: string): number | undefined {
  const [, sign, hours, minutes = "00", year, month, day, hour, minute, second] = ID.exec(id) ?? []
  const local = Date.parse(
    `${year ?? ""}-${month ?? ""}-${day ?? ""}T${hour ?? ""}:${minute ?? ""}:${second ?? ""}Z`,
  )
  if (Number.isNaN(local)) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === "-" ? local + offset : local - offset
}

const snapshotId = z.string().refine((id) => timeOfSnapshot(id) !== undefined)
const api = { api: "SYNO.Core.Share.Snapshot", refusals: shareRefusals }
const create: DsmCall<string> = {
  ...api,
  version: 1,
  method: "create",
  reply: snapshotId,
  once: true,
  // The id is a second: no two in one.
  restMs: 1100,
}
const list: DsmCall<readonly ShareSnapshot[]> = {
  ...api,
  version: 2,
  method: "list",
  reply: z
    .looseObject({
      snapshots: z.array(
        z.looseObject({ time: snapshotId, desc: z.string().default(""), lock: flag.default(false) }),
      ),
      total: z.int(),
    })
    // A part of the list would show what is there as gone.
    .refine(({ snapshots, total }) => snapshots.length === total)
    .transform(({ snapshots }) =>
      snapshots.map(({ time, desc, lock }) => ({
        id: time,
        takenAt: timeOfSnapshot(time) ?? 0,
        description: desc,
        locked: lock,
      })),
    ),
}
const remove: DsmCall<readonly unknown[]> = {
  ...api,
  version: 1,
  method: "delete",
  // What could not be deleted; some versions say nothing where that is nothing.
  reply: z
    .array(z.unknown())
    .nullish()
    .transform((failed) => failed ?? []),
}
const set: DsmCall<unknown> = { ...api, version: 1, method: "set", reply: z.unknown() }

/** Takes one and gives its id (reference nas-platforms.md §3.4). Throws as DsmClient.call does. */
export function createShareSnapshot(
  dsm: DsmClient,
  share: string,
  { description, locked }: Pick<ShareSnapshot, "description" | "locked">,
): Promise<string> {
  return dsm.call(create, { name: share, snapinfo: { desc: description, lock: locked } })
}

/** All of them, oldest first. Throws as DsmClient.call does. */
export async function listShareSnapshots(dsm: DsmClient, share: string): Promise<readonly ShareSnapshot[]> {
  const additional = ["desc", "lock", "schedule_snapshot", "ruuid", "snap_size"]
  const snapshots = await dsm.call(list, { name: share, additional, offset: 0, limit: -1 })
  return snapshots.toSorted((one, other) => one.takenAt - other.takenAt)
}

/** Throws StorageError `unsupported` where DSM keeps it, and as DsmClient.call does. */
export async function deleteShareSnapshot(dsm: DsmClient, share: string, id: string): Promise<void> {
  const failed = await dsm.call(remove, { name: share, snapshots: [id] })
  if (failed.length > 0)
    throw kept(share, id, "delete", "Look in Snapshot Replication whether it is immutable.")
}

/** Locks or unlocks one, and reads back whether it is so. Throws StorageError `missing`, `unsupported`. */
export async function lockShareSnapshot(
  dsm: DsmClient,
  share: string,
  id: string,
  locked: boolean,
): Promise<void> {
  await dsm.call(set, { name: share, snapshot: id, snapinfo: { lock: locked } })
  const found = (await listShareSnapshots(dsm, share)).find((snapshot) => snapshot.id === id)
  if (found === undefined) {
    throw new StorageError("missing", `${share} has no filesystem snapshot ${id}`, {
      facts: { share, snapshot: id },
      hint: "Look in Snapshot Replication which ones there are.",
    })
  }
  if (found.locked !== locked)
    throw kept(share, id, locked ? "lock" : "unlock", "Do it in Snapshot Replication.")
}

function kept(share: string, id: string, verb: string, hint: string): StorageError {
  return new StorageError("unsupported", `DSM did not ${verb} the filesystem snapshot ${id} of ${share}`, {
    facts: { share, snapshot: id },
    hint,
  })
}
