import { StorageError } from "../../errors.js"
import type { NfsExport } from "../export.js"
import { FIRST_ID, type GaneshaRecord, LAST_ID, type NumberedExport, type RecordedExport } from "./record.js"
import { isServedAs, type ServedExport, type ShownExport } from "./served.js"

/**
 * What is to be recorded before the server is told of `wanted`: stopped at any moment after, it still says which of the server's
 * exports are ours. `shown` is what the server lists, so that no number is taken that others use. Throws StorageError
 * `unsupported` when no number is free.
 */
export function nextRecord(
  before: GaneshaRecord,
  wanted: readonly NfsExport[],
  shown: readonly ShownExport[],
): GaneshaRecord {
  const others = new Map(shown.map(({ id, path }) => [id, path]))
  const known = new Map<string, RecordedExport>()
  for (const { id, export: one } of before.former) known.set(one.path, { id, export: one, reopen: true })
  for (const one of before.entries) known.set(one.export.path, one)
  const used = new Set([...others.keys(), ...[...before.entries, ...before.former].map(({ id }) => id)])
  let next = before.next
  const fresh = (): number => {
    for (let tries = FIRST_ID; tries <= LAST_ID; tries++) {
      const id = next
      next = id === LAST_ID ? FIRST_ID : id + 1
      if (used.has(id)) continue
      used.add(id)
      return id
    }
    throw new StorageError("unsupported", "NFS-Ganesha has no number left for another export", {
      facts: { from: FIRST_ID, to: LAST_ID },
    })
  }
  const entries = [...wanted]
    .sort((one, other) => (one.path < other.path ? -1 : 1))
    .map((one): RecordedExport => {
      const old = known.get(one.path)
      const isOurs = old !== undefined && (others.get(old.id) ?? one.path) === one.path
      if (!isOurs) return { id: fresh(), export: one, reopen: false }
      return { id: old.id, export: one, reopen: old.reopen || opensOtherwise(old.export, one) }
    })
  const kept = new Set(entries.map(({ id }) => id))
  const leaving = before.entries.map(({ id, export: one }) => ({ id, export: one, gone: false }))
  return { entries, former: [...before.former, ...leaving].filter(({ id }) => !kept.has(id)), next }
}

/** UpdateExport changes clients only; the filesystem and what is mounted in it are looked at when an export is opened. */
function opensOtherwise(old: NfsExport, wanted: NfsExport): boolean {
  return (
    old.fsid !== wanted.fsid || old.mountPoint !== wanted.mountPoint || old.crossMounts !== wanted.crossMounts
  )
}

export interface GaneshaStep {
  readonly kind: "remove" | "update" | "reopen" | "add"
  readonly one: NumberedExport
}

/** What has to be done, withdrawals first. What the server has exactly is not touched. */
export function stepsTo(record: GaneshaRecord, served: ReadonlyMap<number, ServedExport>): GaneshaStep[] {
  const removed = record.former.filter((one) => isStillThere(one, served))
  const kinds = record.entries.map((one) => ({ one, kind: kindOf(one, served.get(one.id)) }))
  return [
    ...removed.map((one) => ({ kind: "remove", one }) as const),
    ...(["update", "reopen", "add"] as const).flatMap((kind) =>
      kinds.filter((step) => step.kind === kind).map(({ one }) => ({ kind, one })),
    ),
  ]
}

function kindOf({ export: one, reopen }: RecordedExport, told: ServedExport | undefined) {
  if (told === undefined) return "add"
  if (reopen) return "reopen"
  return isServedAs(told, one) ? "none" : "update"
}

/** Whether the server has what was ours; its number alone may be somebody else's by now. */
export function isStillThere(
  { id, export: one }: NumberedExport,
  served: ReadonlyMap<number, ServedExport>,
): boolean {
  return served.get(id)?.path === one.path
}

/** So many that are gone keep their number. */
const REMEMBERED = 1000

/** The same record after everything was done: nothing is to be opened again, and what is not there is gone. */
export function settledRecord(
  record: GaneshaRecord,
  served: ReadonlyMap<number, ServedExport>,
): GaneshaRecord {
  return {
    ...record,
    entries: record.entries.map((one) => ({ ...one, reopen: false })),
    former: record.former.map((one) => ({ ...one, gone: !isStillThere(one, served) })).slice(-REMEMBERED),
  }
}
