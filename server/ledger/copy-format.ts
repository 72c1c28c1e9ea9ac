import { createHash } from "node:crypto"
import { setImmediate as nextTurn } from "node:timers/promises"
import { z } from "zod"
import { bodyOf, LARGEST_COPY, LONGEST_HEADER, NEW_LINE } from "./copy-body.js"
import { LedgerError } from "./errors.js"

// The copy of the ledger that lies in a store, so that a rebuilt NAS can adopt it: one JSON value a line. The first line tells
// what it is, of which store, and the SHA-256 of all that follows; each further line is one record.
//
// It lies on a disk that others may write. So nothing is taken in before its length was looked at, each line is parsed by
// itself, and places are paths below the store: a copy cannot speak about another store. JSON knows no 64-bit integers, so
// starts are text.

const LONGEST_LINE = 256 * 1024
const MOST_RECORDS = 250_000
/** Lines between two turns of the event loop: answers must not wait for a copy. */
const LINES_IN_A_TURN = 500

const time = z.int().min(0)
const snapshot = z.tuple([
  z.string().refine(isStart), // nanoseconds
  z.string(), // root, or id:… where only the name of its file is known
  time, // first seen
  time.nullable(), // gone at
])

const record = z.discriminatedUnion("is", [
  z.object({
    is: z.literal("pin"),
    path: z.string(),
    engine: z.enum(["kopia", "restic", "copy"]),
    repositoryId: z.string(),
    fingerprint: z.string(),
    pinnedAt: time,
  }),
  z.object({
    is: z.literal("identity"),
    path: z.string(),
    identity: z.string(),
    repositoryId: z.string(),
    firstSeen: time,
    lastChange: time,
    snapshots: z.array(snapshot),
  }),
  z.object({ is: z.literal("marks"), path: z.string(), names: z.array(z.string()) }),
])

/** One thing that the ledger knows of a place. `path` is below the store. */
export type CopyRecord = z.infer<typeof record>

const header = z.object({
  format: z.literal("cistern-ledger"),
  version: z.literal(1),
  store: z.string(),
  writtenAt: z.string(),
  records: z.int().min(0).max(MOST_RECORDS),
  sha256: z.string(),
})

export interface LedgerCopy {
  /** The id in the store's sentinel. */
  readonly store: string
  /** RFC 3339. */
  readonly writtenAt: string
  readonly records: readonly CopyRecord[]
}

/**
 * The bytes of a copy; undefined where there is nothing to be remembered. Throws LedgerError `too_large`.
 */
export async function renderCopy(
  store: string,
  records: AsyncIterable<CopyRecord>,
  at: number,
): Promise<Uint8Array | undefined> {
  const lines: Buffer[] = []
  let length = 0
  for await (const one of records) {
    const line = Buffer.from(`${JSON.stringify(one)}\n`)
    // A name of this length is no volume's; the copy must stay one that can be read.
    if (line.length > LONGEST_LINE) continue
    lines.push(line)
    length += line.length
    if (lines.length > MOST_RECORDS || length > LARGEST_COPY - LONGEST_HEADER) throw tooLarge(store)
  }
  if (lines.length === 0) return undefined
  const body = Buffer.concat(lines, length)
  const first: z.input<typeof header> = {
    format: "cistern-ledger",
    version: 1,
    store,
    writtenAt: new Date(at).toISOString(),
    records: lines.length,
    sha256: digestOf(body),
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify(first)}\n`), body])
}

/**
 * Reads a copy that was found in the store of this id. Throws LedgerError `not_a_ledger`, `later_version`, `other_store`,
 * `damaged`.
 */
export async function parseCopy(bytes: Uint8Array, store: string): Promise<LedgerCopy> {
  const body = bodyOf(bytes)
  if (body === undefined) throw notALedger()
  const {
    writtenAt,
    records: count,
    sha256,
  } = parseHeader(bytes.subarray(0, bytes.length - body.length), store)
  if (digestOf(body) !== sha256) throw damaged("its content is not what its checksum says")
  const records: CopyRecord[] = []
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(NEW_LINE, from)
    if (end === -1 || end - from > LONGEST_LINE || records.length === count) {
      throw damaged(`its line ${records.length + 2} is too long, or is one too many`)
    }
    records.push(parseRecord(body.subarray(from, end), records.length + 2))
    from = end + 1
    if (records.length % LINES_IN_A_TURN === 0) await nextTurn()
  }
  if (records.length !== count) throw damaged(`it has ${records.length} records of ${count}`)
  return { store, writtenAt, records }
}

/** Whether it is a number that SQLite keeps. */
function isStart(text: string): boolean {
  const limit = 2n ** 63n
  return /^-?\d{1,19}$/.test(text) && BigInt(text) < limit && BigInt(text) > -limit
}

function parseHeader(line: Uint8Array, store: string): z.infer<typeof header> {
  const value = jsonOf(line)
  const known = z.looseObject({ format: z.literal("cistern-ledger"), version: z.number() }).safeParse(value)
  if (!known.success) throw notALedger()
  if (known.data.version > 1) {
    throw new LedgerError(
      "later_version",
      `a later version of Cistern wrote it (format ${known.data.version})`,
      "Use that version; its copy is kept.",
    )
  }
  const parsed = header.safeParse(value)
  if (!parsed.success) throw damaged(`its first line has no valid ${fieldOf(parsed.error)}`)
  if (parsed.data.store === store) return parsed.data
  throw new LedgerError(
    "other_store",
    "it is the copy of another store",
    "Find out who put it there; that store's own folder has the sentinel that belongs to it.",
  )
}

function parseRecord(line: Uint8Array, number: number): CopyRecord {
  const parsed = record.safeParse(jsonOf(line))
  if (parsed.success) return parsed.data
  throw damaged(`its line ${number} has no valid ${fieldOf(parsed.error)}`)
}

function fieldOf(error: z.ZodError): string {
  return error.issues[0]?.path.join(".") ?? "record"
}

function jsonOf(line: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString("utf8"))
  } catch {
    return undefined
  }
}

function digestOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex")
}

function notALedger(): LedgerError {
  return new LedgerError("not_a_ledger", "it is no copy of a ledger", "Find out who put it there.")
}

function damaged(what: string): LedgerError {
  return new LedgerError(
    "damaged",
    what,
    "Look at the health of the disk, and at who may write to the store.",
  )
}

function tooLarge(store: string): LedgerError {
  return new LedgerError(
    "too_large",
    `what is known of store ${store} is more than a copy may hold`,
    "Divide its repositories between several stores.",
  )
}
