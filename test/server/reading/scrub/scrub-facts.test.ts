import { describe, expect, it } from "vitest"
import type { DamagedBlob, ScrubFound } from "../../../../server/reading/scrub/found.js"
import { scrubFacts } from "../../../../server/reading/scrub/scrub-facts.js"

const DAY = 86_400_000
const NOW = 1_800_000_000_000

const terms = {
  subject: {
    type: "repository",
    repository: "shared",
    store: "tank",
    path: "kopia",
    place: "tank:kopia",
  } as const,
  directory: "/mnt/tank/kopia",
  volumesIn: () => ["a", "b"].map((pvc) => ({ cluster: "home", namespace: "media", pvc })),
  volumesOf: (identity: string) => [{ cluster: "home", namespace: "media", pvc: identity }],
  now: NOW,
}

const well: ScrubFound = {
  engine: "kopia",
  damaged: [],
  unread: [],
  odd: new Map(),
  foreign: [],
  diskFails: false,
  ledgerLost: undefined,
  cost: { kind: "nothing damaged" },
  figures: { compared: 1, learnt: 0, skipped: 0, gone: 0, unsettled: 0, bytes: 1, seconds: 1 },
}

const damage = (code: DamagedBlob["code"], blob = "p/1"): DamagedBlob => ({ blob, code, since: NOW })
const hit = (identity: string) => ({ id: "1", start: 1n, root: "k", identity, paths: 1, sample: [] })
const facts = (found: Partial<ScrubFound>) => scrubFacts({ ...well, ...found }, terms)

describe("what is told of a scrub", () => {
  it("is nothing where all is well", () => {
    expect(facts({})).toEqual([])
  })

  it("is each damaged file, with the volumes that it costs something and the next step", () => {
    const told = { kind: "told", snapshots: [hit("plex"), hit("plex")], unsure: [], lost: 3 } as const
    const [fact] = facts({ damaged: [damage("corrupt")], cost: told })
    expect(fact).toMatchObject({
      code: "file_corrupt",
      severity: "critical",
      subject: { kind: "file", key: "tank:kopia/p/1" },
      evidence: { snapshots: 2, identities: ["plex"], contents: 3, impact: "told" },
      volumes: [{ pvc: "plex" }],
    })
    expect(fact?.hint).toContain("`cistern impact p/1 --at /mnt/tank/kopia`")
    expect(fact?.hint).toContain("`cistern mend p/1 --at /mnt/tank/kopia")
    expect(facts({ damaged: [damage("io")], cost: told })[0]).toMatchObject({ code: "file_io" })
    expect(facts({ damaged: [damage("missing")], cost: told })[0]).toMatchObject({ code: "file_missing" })
  })

  it("is less where it costs nothing, and may be all volumes where that could not be told", () => {
    const free = { kind: "told", snapshots: [], unsure: [], lost: 0 } as const
    expect(facts({ damaged: [damage("corrupt")], cost: free })[0]).toMatchObject({
      severity: "warning",
      volumes: [],
    })
    const untold = { kind: "untold", code: "wrong_password", why: "it does not open" } as const
    expect(facts({ damaged: [damage("corrupt")], cost: untold })[0]).toMatchObject({
      severity: "critical",
      evidence: { impact: "could not be told", reason: "wrong_password" },
      volumes: [{ pvc: "a" }, { pvc: "b" }],
    })
  })

  it("is bounded when thousands are damaged, and says that they are", () => {
    const damaged = Array.from({ length: 5_000 }, (_, at) => damage("io", `p/${at}`))
    const all = facts({ damaged, diskFails: true })
    expect(all.length).toBeLessThan(210)
    expect(all.map(({ code }) => code)).toEqual(expect.arrayContaining(["disk_fails", "more_files_damaged"]))
  })

  it("is what may not be read, what was odd and what is foreign, each with its own next step", () => {
    const all = facts({
      unread: ["p/2", "p/3"],
      odd: new Map([
        ["unsteady", ["p/4"]],
        ["changed", ["kopia.repository.f"]],
        ["ledger_row", ["p/5"]],
      ] as const),
      foreign: ["notes.txt"],
    })
    expect(all.map(({ code, severity, title }) => [code, severity, title])).toEqual([
      ["files_unread", "warning", "2 files of tank:kopia may not be read, or did not answer"],
      ["unsteady_reads", "warning", "1 file of tank:kopia was wrong at one reading and right at the next"],
      ["files_rewritten", "warning", "1 file of tank:kopia was written anew, which engines hardly ever do"],
      [
        "ledger_rows_damaged",
        "warning",
        "1 file of tank:kopia has a damaged row in the ledger of scrubs, and was learnt anew as it is",
      ],
      ["foreign_files", "info", "1 file of tank:kopia is none of the repository"],
    ])
    expect(all.every(({ hint }) => hint.endsWith("."))).toBe(true)
  })

  it("is for 30 days that the ledger was lost, of Kopia's blobs alone", () => {
    const ledgerLost = { at: NOW - 29 * DAY, file: "/state/scrub.sqlite.damaged" }
    expect(facts({ ledgerLost })).toMatchObject([
      { code: "ledger_lost", evidence: { kept: ledgerLost.file } },
    ])
    expect(facts({ ledgerLost: { ...ledgerLost, at: NOW - 31 * DAY } })).toEqual([])
    expect(facts({ ledgerLost, engine: "restic" })).toEqual([])
  })
})
