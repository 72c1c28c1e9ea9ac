import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Marks } from "../../../server/db/index.js"
import { type CopyRecord, renderCopy } from "../../../server/ledger/copy-format.js"
import { type Ledger, type ListedSnapshot, parseCopy } from "../../../server/ledger/index.js"
import { openLedger, restarted, taken } from "./ledger-under-test.js"

const store = "2f1c6a0e-0000-4000-8000-000000000001"
const place = `${store}:kopia`
const pin = { engine: "kopia", repositoryId: "aaaa", fingerprint: "aaaa" } as const

function list(ledger: Ledger, snapshots: readonly ListedSnapshot[], at = 2): void {
  ledger.sightings.record({ place, repositoryId: "aaaa", complete: new Map([["a", snapshots]]), at })
}

function fill(ledger: Ledger): void {
  ledger.pins.pin(place, pin, 1)
  list(ledger, [taken(1), taken(2)], 1)
  list(ledger, [taken(1)], 2)
}

/** As it lies in the store. */
async function copied(ledger: Ledger, at = 9): Promise<Uint8Array> {
  return (await ledger.copyOf(store, at)) ?? new Uint8Array()
}

async function adopted(bytes: Uint8Array, into = openLedger()) {
  const result = await into.ledger.adopt(await parseCopy(bytes, store))
  return { ...into, result }
}

function gone(ledger: Ledger): bigint | undefined {
  return ledger.sightings.newestGone(place, "a")?.start
}

async function* each(records: readonly CopyRecord[]): AsyncGenerator<CopyRecord> {
  yield* records
  await Promise.resolve()
}

/** What somebody could put there who knows the format. */
async function forged(records: readonly CopyRecord[]): Promise<Uint8Array> {
  return (await renderCopy(store, each(records), 9)) ?? new Uint8Array()
}

function identityWith(snapshots: Extract<CopyRecord, { is: "identity" }>["snapshots"]): CopyRecord {
  const common = { path: "kopia", identity: "a", repositoryId: "aaaa", firstSeen: 1, lastChange: 1 }
  return { is: "identity", ...common, snapshots }
}

describe("a copy of the ledger", () => {
  it("gives a rebuilt NAS what decisions rest on", async () => {
    const { ledger } = openLedger()
    fill(ledger)
    const { ledger: rebuilt, database, result } = await adopted(await copied(ledger))
    expect(result).toEqual({ writtenAt: "1970-01-01T00:00:00.009Z", pins: 1, snapshots: 2, conflicts: [] })
    for (const open of [() => rebuilt, () => restarted(database)]) {
      const known = open()
      expect(known.pins.check(place, pin, 3)).toEqual({ kind: "matches" })
      expect(known.everSaw(place)).toContain("1 identities")
      list(known, [taken(1)], 3)
      expect(known.sightings.newestGone(place, "a")).toMatchObject({ start: taken(2).start, goneAt: 2 })
    }
  })

  it("tells that the newest snapshot of its time is gone, and is content when a newer one is there", async () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2), taken(3)])
    const bytes = await copied(ledger)
    const { ledger: older } = await adopted(bytes)
    list(older, [taken(1), taken(2)])
    expect(gone(older)).toBe(taken(3).start)
    const { ledger: later } = await adopted(bytes)
    list(later, [taken(4)])
    expect(gone(later)).toBeUndefined()
  })

  it("tells what is gone also where the listing since then is the one from before", async () => {
    const { ledger } = openLedger()
    fill(ledger)
    const into = openLedger()
    list(into.ledger, [taken(1)], 3)
    const { ledger: rebuilt, database } = await adopted(await copied(ledger), into)
    for (const open of [() => rebuilt, () => restarted(database)]) {
      const known = open()
      list(known, [taken(1)], 4)
      expect(gone(known)).toBe(taken(2).start)
    }
  })

  it("of restic without its password knows snapshots by their names", async () => {
    const { ledger } = openLedger()
    const named = (second: number) => taken(second, { root: undefined })
    list(ledger, [named(1), named(2)])
    const bytes = await copied(ledger)
    const { ledger: same } = await adopted(bytes)
    list(same, [named(1), named(2)])
    expect(gone(same)).toBeUndefined()
    list(same, [taken(1), taken(2)])
    expect(gone(same)).toBeUndefined()
    const { ledger: older } = await adopted(bytes)
    list(older, [named(1)])
    expect(gone(older)).toBe(taken(2).start)
  })

  it("holds the places of its own store and of no other", async () => {
    const { ledger } = openLedger()
    fill(ledger)
    ledger.pins.pin("another-store:kopia", pin, 1)
    ledger.pins.pin(`${store}x:kopia`, pin, 1)
    const { result } = await adopted(await copied(ledger))
    expect(result.pins).toBe(1)
  })

  it("stays small: of a thousand snapshots of a volume it holds the newest", async () => {
    const { ledger } = openLedger()
    list(
      ledger,
      Array.from({ length: 1_000 }, (_, second) => taken(second)),
    )
    expect((await copied(ledger)).length).toBeLessThan(1_000)
  })

  it("is none where nothing is known", async () => {
    expect(await openLedger().ledger.copyOf(store, 1)).toBeUndefined()
  })

  it("keeps the marks that a listing long after can judge, and not those whose explanation is cleaned away", async () => {
    const { ledger, database } = openLedger()
    const marks = ["repository aaaa", "xn0_12ab-s34-c1 100"]
    new Marks(database.connection).put(place, [...marks, "n0123 100"], 1)
    new Marks(database.connection).put(`${store}:old`, ["repository bbbb", "n0123 100"], 1)
    const into = await adopted(await copied(ledger))
    const known = new Marks(into.database.connection)
    expect(known.get(place)).toEqual(marks)
    expect(known.get(`${store}:old`)).toBeUndefined()
    const again = openLedger()
    new Marks(again.database.connection).put(place, ["ours"], 1)
    await adopted(await copied(ledger), again)
    expect(new Marks(again.database.connection).get(place)).toEqual(["ours"])
  })

  it("is found whole again when it has ten thousand volumes", async () => {
    const { ledger } = openLedger()
    const complete = new Map(
      Array.from({ length: 10_000 }, (_, at) => [`app-${at}@ns:/data`, [taken(at)]] as const),
    )
    ledger.sightings.record({ place, repositoryId: "aaaa", complete, at: 1 })
    const bytes = await copied(ledger)
    expect(bytes.length).toBeLessThan(4_000_000)
    const { ledger: rebuilt } = await adopted(bytes)
    expect(rebuilt.sightings.identities(place)).toHaveLength(10_000)
  })
})

describe("adopting a copy", () => {
  it("changes nothing where it came from", async () => {
    const { ledger, database } = openLedger()
    fill(ledger)
    const before = await copied(ledger)
    const { result } = await adopted(before, { ledger, database, directory: database.directory })
    expect(result).toMatchObject({ pins: 0, snapshots: 0, conflicts: [] })
    expect(await copied(ledger)).toEqual(before)
  })

  it("never replaces a pin, and names the places that differ", async () => {
    const { ledger } = openLedger()
    fill(ledger)
    const into = openLedger()
    into.ledger.pins.pin(place, { ...pin, repositoryId: "bbbb" }, 1)
    const { result, ledger: other } = await adopted(await copied(ledger), into)
    expect(result.conflicts).toEqual([place])
    expect(other.pins.get(place)?.repositoryId).toBe("bbbb")
  })

  it("never brings back a loss that a person acknowledged here", async () => {
    const { ledger, database } = openLedger()
    fill(ledger)
    const before = await copied(ledger)
    const { start, root } = taken(2)
    ledger.sightings.explain({ place, identity: "a", start, root: root ?? "" }, "acknowledged", "eva", 5)
    await adopted(before, { ledger, database, directory: database.directory })
    list(ledger, [taken(1)], 6)
    expect(gone(ledger)).toBeUndefined()
  })

  it("lets no record pass for a snapshot that is really there", async () => {
    // With the id of a listed snapshot and a start in the future, a record would hide every later loss.
    const record = identityWith([[String(10n ** 18n), "id:id1", 1, null]])
    const { ledger } = await adopted(await forged([record]))
    list(ledger, [taken(1, { root: undefined }), taken(2, { root: undefined })])
    list(ledger, [taken(1, { root: undefined })])
    expect(gone(ledger)).toBe(taken(2).start)
  })

  it("only ever makes answers more careful, whatever the copy says and whatever is listed then", async () => {
    const second = fc.integer({ min: 1, max: 6 })
    const row = fc
      .record({
        start: second,
        root: fc.oneof(
          second.map((at) => `k${at}`),
          second.map((at) => `id:id${at}`),
        ),
        goneAt: fc.option(fc.integer({ min: 0, max: 9 })),
      })
      .map(({ start, root, goneAt }): [string, string, number, number | null] => [
        String(BigInt(start) * 1_000_000_000n + 1n),
        root,
        1,
        goneAt,
      ])
    const listing = fc.record({
      seconds: fc.uniqueArray(second, { maxLength: 6 }),
      named: fc.boolean(),
      repositoryId: fc.constantFrom("aaaa", "bbbb"),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 5 }),
        fc.option(fc.constantFrom("aaaa", "bbbb", "")),
        fc.array(listing, { minLength: 1, maxLength: 4 }),
        async (rows, pinnedId, listings) => {
          const pinned: CopyRecord[] =
            pinnedId === null
              ? []
              : [
                  {
                    is: "pin",
                    path: "kopia",
                    engine: "kopia",
                    repositoryId: pinnedId,
                    fingerprint: "f",
                    pinnedAt: 1,
                  },
                ]
          const { ledger: careful } = await adopted(await forged([...pinned, identityWith(rows)]))
          const { ledger: plain } = openLedger()
          let at = 10
          for (const { seconds, named, repositoryId } of listings) {
            at++
            const snapshots = seconds
              .sort((a, b) => a - b)
              .map((one) => taken(one, named ? { root: undefined } : {}))
            const seen = { engine: "kopia", repositoryId, fingerprint: "f" } as const
            const [one, other] = [careful, plain].map((ledger) => {
              const { kind } = ledger.pins.check(place, seen, at)
              if (kind === "changed") return "refused"
              if (kind === "new") ledger.pins.pin(place, seen, at)
              list(ledger, snapshots, at)
              return gone(ledger) === undefined ? "certain" : "unknown"
            })
            if (other !== "certain") expect(one).not.toBe("certain")
            // One of them refused to look: from here on they have seen different things.
            if ((one === "refused") !== (other === "refused")) return
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe("a copy that cannot be believed", () => {
  async function good(): Promise<Buffer> {
    const { ledger } = openLedger()
    fill(ledger)
    return Buffer.from(await copied(ledger))
  }
  const textOf = (header: object, body: string): Buffer => Buffer.from(`${JSON.stringify(header)}\n${body}`)

  /** A copy whose checksum is right, whatever it says. */
  function sealed(body: string, more: object = {}): Buffer {
    const sha256 = createHash("sha256").update(body).digest("hex")
    const records = body.split("\n").length - 1
    const header = { format: "cistern-ledger", version: 1, store, writtenAt: "x", records, sha256, ...more }
    return textOf(header, body)
  }

  it("is refused when it is cut anywhere", async () => {
    const bytes = await good()
    for (let length = 0; length < bytes.length; length++) {
      await expect(parseCopy(bytes.subarray(0, length), store), String(length)).rejects.toThrow(
        expect.objectContaining({ name: "LedgerError" }),
      )
    }
  })

  it("is refused when one bit of its records is another", async () => {
    const bytes = await good()
    for (let at = bytes.indexOf(0x0a) + 1; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x01, at)
      await expect(parseCopy(damaged, store), String(at)).rejects.toMatchObject({ code: "damaged" })
    }
  })

  it("is refused when it is of another store", async () => {
    await expect(parseCopy(await good(), "another")).rejects.toMatchObject({ code: "other_store" })
  })

  it("is refused when a later version wrote it, by that reason", async () => {
    const later = textOf({ format: "cistern-ledger", version: 2, somethingNew: true }, "whatever\n")
    await expect(parseCopy(later, store)).rejects.toMatchObject({ code: "later_version" })
  })

  for (const [what, bytes] of [
    ["nothing", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(100_000)],
    ["another format", textOf({ format: "x", version: 1 }, "")],
    ["JSON of another kind", textOf([], "")],
  ] as const) {
    it(`is refused when it is ${what}`, async () => {
      await expect(parseCopy(bytes, store)).rejects.toMatchObject({ code: "not_a_ledger" })
    })
  }

  const identity = identityWith([])
  for (const [what, line] of [
    ["a record of an unknown kind", JSON.stringify({ is: "fence", path: "kopia" })],
    [
      "a start that no database can hold",
      JSON.stringify(identityWith([["9999999999999999999", "k", 1, null]])),
    ],
    ["a start that is no number", JSON.stringify(identityWith([["1e9", "k", 1, null]]))],
    ["a time that is none", JSON.stringify({ ...identity, firstSeen: -1 })],
    ["an engine that is none", JSON.stringify({ is: "pin", ...pin, path: "", pinnedAt: 1, engine: "borg" })],
    ["a line that never ends", "x".repeat(300_000)],
    ["brackets without end", "[".repeat(200_000)],
  ] as const) {
    it(`is refused when it holds ${what}`, async () => {
      await expect(parseCopy(sealed(`${line}\n`), store)).rejects.toMatchObject({ code: "damaged" })
    })
  }

  it("is refused when it has more records or fewer than it says", async () => {
    const body = `${JSON.stringify(identity)}\n`
    for (const records of [0, 2, 1e9, -1]) {
      await expect(parseCopy(sealed(body, { records }), store)).rejects.toMatchObject({ code: "damaged" })
    }
    await expect(parseCopy(sealed(body, { records: 1 }), store)).resolves.toMatchObject({ store })
  })
})
