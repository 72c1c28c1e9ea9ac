import { z } from "zod"
import {
  LedgerIdentities,
  type LedgerSnapshot,
  LedgerSnapshots,
  Pins,
  type StateDatabase,
  translated,
} from "../db/index.js"
import { LedgerError } from "./errors.js"

// The copy of the ledger that lies in each store, so that a rebuilt NAS can adopt it. JSON knows no 64-bit integers, so
// starts are text.

const snapshot = z.tuple([
  z.string().regex(/^-?\d{1,19}$/), // start, nanoseconds
  z.string(), // root
  z.string(), // the engine's id
  z.number(), // first seen
  z.number().nullable(), // gone at
  z.enum(["acknowledged", "pruned"]).nullable(),
])

const copySchema = z.object({
  format: z.literal("cistern-ledger"),
  version: z.literal(1),
  exportedAt: z.number(),
  pins: z.array(
    z.object({
      place: z.string(),
      engine: z.enum(["kopia", "restic", "copy"]),
      repositoryId: z.string(),
      fingerprint: z.string(),
      pinnedAt: z.number(),
    }),
  ),
  identities: z.array(
    z.object({
      place: z.string(),
      identity: z.string(),
      repositoryId: z.string(),
      firstSeen: z.number(),
      lastChange: z.number(),
      closedAt: z.number().nullable(),
      snapshots: z.array(snapshot),
    }),
  ),
})

export type LedgerCopy = z.infer<typeof copySchema>

export interface Adopted {
  readonly pins: number
  readonly identities: number
  readonly snapshots: number
  /** Places that are pinned here to another repository than in the copy. Ours stays. */
  readonly conflicts: readonly string[]
}

/** Pins and sightings as one JSON value. */
export function copyLedger(database: StateDatabase, at: number): LedgerCopy {
  const snapshots = new LedgerSnapshots(database.connection)
  return {
    format: "cistern-ledger",
    version: 1,
    exportedAt: at,
    pins: new Pins(database.connection).all(),
    identities: new LedgerIdentities(database.connection)
      .all()
      .map(({ id, place, identity, repositoryId, firstSeen, lastChange, closedAt }) => ({
        place,
        identity,
        repositoryId,
        firstSeen,
        lastChange,
        closedAt: closedAt ?? null,
        snapshots: snapshots
          .of(id)
          .map((row) => [
            `${row.start}`,
            row.root,
            row.engineId,
            row.firstSeen,
            row.goneAt ?? null,
            row.goneReason ?? null,
          ]),
      })),
  }
}

/**
 * Adds what a copy knows to the state, all or nothing. What is known here already stays as it is. Throws LedgerError
 * `not_a_ledger` for anything but such a copy.
 */
export function adoptCopy(database: StateDatabase, value: unknown): Adopted {
  const parsed = copySchema.safeParse(value)
  if (!parsed.success) {
    throw new LedgerError(
      "not_a_ledger",
      `not a copy of a ledger of this version: ${parsed.error.issues[0]?.path.join(".") ?? ""}`,
      "Give it the file that the daemon wrote into a store's .cistern folder.",
    )
  }
  return translated("adopting a ledger", () =>
    database.connection.transaction(() => adoptAll(database, parsed.data))(),
  )
}

function adoptAll(database: StateDatabase, copy: LedgerCopy): Adopted {
  const pins = new Pins(database.connection)
  const identities = new LedgerIdentities(database.connection)
  const snapshots = new LedgerSnapshots(database.connection)
  const pinned = new Map(pins.all().map((pin) => [pin.place, pin]))
  const conflicts = copy.pins.filter((pin) => {
    const ours = pinned.get(pin.place)
    return ours !== undefined && ours.repositoryId !== pin.repositoryId
  })
  const newPins = copy.pins.filter((pin) => !pinned.has(pin.place))
  for (const pin of newPins) pins.put(pin)
  let adopted = 0
  for (const { snapshots: rows, closedAt, ...identity } of copy.identities) {
    const { id } = identities.adopt({ ...identity, closedAt: closedAt ?? undefined })
    for (const row of rows) if (snapshots.adopt(id, toSnapshot(row))) adopted++
  }
  return {
    pins: newPins.length,
    identities: copy.identities.length,
    snapshots: adopted,
    conflicts: conflicts.map((pin) => pin.place),
  }
}

function toSnapshot(row: z.infer<typeof snapshot>): LedgerSnapshot {
  const [start, root, engineId, firstSeen, goneAt, goneReason] = row
  return {
    start: BigInt(start),
    root,
    engineId,
    firstSeen,
    goneAt: goneAt ?? undefined,
    goneReason: goneReason ?? undefined,
  }
}
