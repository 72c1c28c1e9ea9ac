import { StorageError } from "../../errors.js"
import {
  createNfsShare,
  deleteNfsShare,
  type NfsShare,
  nfsShare,
  type NfsShareFields,
  type TrueNasApi,
  updateNfsShare,
} from "../../nas/truenas/index.js"
import { contentOf, fieldsOf, type ShareContent } from "./marker.js"
import type { OwnShare, ShareStep } from "./steps.js"

/**
 * Carries out steps one by one, each read before and after it is written: TrueNAS has no way to change a share only if it is still
 * as it was read. Throws StorageError `unstable` for a share that somebody else changed meanwhile, and what the calls throw.
 */
export async function writeSteps(
  api: TrueNasApi,
  owner: string,
  own: readonly OwnShare[],
  steps: readonly ShareStep[],
): Promise<void> {
  const seen = new Map(own.map(({ share }) => [share.id, share]))
  for (const step of steps) {
    if (step.kind === "delete") {
      await remove(api, step.id, seen.get(step.id))
      continue
    }
    const fields = fieldsOf(owner, step.to)
    const id =
      step.kind === "create"
        ? (await createNfsShare(api, fields)).id
        : await change(api, step.id, fields, seen)
    seen.set(id, await readBack(api, owner, id, step.to, fields))
  }
}

/** Has TrueNAS write its exports anew although nothing changes: any write of a share does. */
export async function writeAgain(api: TrueNasApi, { share }: OwnShare): Promise<void> {
  await updateNfsShare(api, share.id, { comment: share.comment })
}

async function remove(api: TrueNasApi, id: number, expected: NfsShare | undefined): Promise<void> {
  const now = await nfsShare(api, id)
  if (now === undefined) return
  refuseChanged(now, expected)
  await deleteNfsShare(api, id)
  if ((await nfsShare(api, id)) === undefined) return
  throw new StorageError("io", `share ${id} in TrueNAS is still there after it was deleted`)
}

async function change(
  api: TrueNasApi,
  id: number,
  fields: NfsShareFields,
  seen: ReadonlyMap<number, NfsShare>,
): Promise<number> {
  const now = await nfsShare(api, id)
  refuseChanged(now, seen.get(id))
  const changes = Object.entries(fields).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(now?.[name as keyof NfsShareFields]),
  )
  // What stays is left out, but never so that a share would be left without any client.
  await updateNfsShare(api, id, Object.fromEntries(changes))
  return id
}

async function readBack(
  api: TrueNasApi,
  owner: string,
  id: number,
  to: ShareContent,
  { comment }: NfsShareFields,
): Promise<NfsShare> {
  const now = await nfsShare(api, id)
  if (now !== undefined && now.comment === comment && contentOf(owner, now) !== undefined) return now
  throw new StorageError("unstable", `share ${id} in TrueNAS is not what was written for ${to.path}`, {
    facts: { share: id, path: to.path },
    hint: "Look at who else changes shares there.",
  })
}

function refuseChanged(now: NfsShare | undefined, expected: NfsShare | undefined): void {
  if (now !== undefined && expected !== undefined && imageOf(now) === imageOf(expected)) return
  throw new StorageError(
    "unstable",
    `share ${now?.id ?? expected?.id ?? 0} in TrueNAS was changed by somebody else meanwhile`,
    { hint: "Look at it, and apply again." },
  )
}

/** Whether its dataset is locked is no property of the share. */
function imageOf(share: NfsShare): string {
  return JSON.stringify({ ...share, locked: null })
}
