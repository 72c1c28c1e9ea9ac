import { z } from "zod"
import type { TrueNasApi } from "./client.js"
import { isSince2510 } from "./versions.js"

const snapshot = z.object({
  /** `dataset@name`. */
  id: z.string(),
  dataset: z.string(),
  snapshot_name: z.string(),
})

/** A filesystem snapshot of one dataset. */
export interface FilesystemSnapshot {
  readonly id: string
  readonly dataset: string
  readonly name: string
  /** Whether TrueNAS' own hold is on it: nothing deletes it before that is released. */
  readonly held: boolean
}

/** Of this one dataset, not of those below. */
export async function listFilesystemSnapshots(
  api: TrueNasApi,
  dataset: string,
): Promise<FilesystemSnapshot[]> {
  const held = snapshot.extend({ holds: z.record(z.string(), z.unknown()) })
  const params = [[["dataset", "=", dataset]], { extra: { holds: true } }]
  const found = await api.call(await method(api, "query"), params, z.array(held))
  return found.map(({ id, snapshot_name: name, holds, ...one }) => ({
    id,
    dataset: one.dataset,
    name,
    held: Object.keys(holds).length > 0,
  }))
}

/** Gives its id. Throws as TrueNasApi.call does, where one of that name exists as well. */
export async function createFilesystemSnapshot(
  api: TrueNasApi,
  dataset: string,
  name: string,
): Promise<string> {
  const made = await api.call(await method(api, "create"), [{ dataset, name, recursive: false }], snapshot)
  return made.id
}

export async function holdFilesystemSnapshot(api: TrueNasApi, id: string): Promise<void> {
  await api.call(await method(api, "hold"), [id, { recursive: false }], z.unknown())
}

export async function releaseFilesystemSnapshot(api: TrueNasApi, id: string): Promise<void> {
  await api.call(await method(api, "release"), [id, { recursive: false }], z.unknown())
}

/** One that is held, or that something was cloned from, stays: then it throws. */
export async function deleteFilesystemSnapshot(api: TrueNasApi, id: string): Promise<void> {
  await api.call(await method(api, "delete"), [id, { defer: false, recursive: false }], z.literal(true))
}

/** They became public, by another name, with 25.10. Going back to one and cloning are never done. */
async function method(
  api: TrueNasApi,
  verb: "query" | "create" | "hold" | "release" | "delete",
): Promise<string> {
  return `${isSince2510(await api.version()) ? "pool" : "zfs"}.snapshot.${verb}`
}
