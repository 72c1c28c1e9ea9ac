import { beforeAll, describe, expect, it } from "vitest"
import type { NfsClientRow } from "../../storage/nfs/index.js"
import type { Finding } from "./nfs-guest/report.js"
import { GUEST_LIMIT_MS, only, runGuest } from "./nfs-guest/run.js"

// A real NFS mount: in a virtual machine with a kernel that is server and client. What was found is in docs/nfs.md.

/** A request waits for 2 s at most; the rest is for the emulated processors, ten times slower than real ones. */
const ANSWER_MS = 3_500
const LANDED_MS = 10_000
const STOP_MS = 10_000
const MOUNTS = ["documented", "default", "version 3"]

interface Answer {
  readonly decision: string
  readonly error?: string
  readonly milliseconds: number
}

let findings: readonly Finding[] = []

beforeAll(async () => {
  findings = await runGuest("nfs-guest", "client")
}, GUEST_LIMIT_MS)

/** Landings of first backups over one kind of mount; there are some, or the test is none. */
function landings(mount: string): readonly (Finding & { first: string; milliseconds: number })[] {
  const found = findings.filter((finding) => finding.scenario === "landing" && finding["mount"] === mount)
  expect(found.length).toBeGreaterThan(4)
  return found as (Finding & { first: string; milliseconds: number })[]
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function answers(scenario: string, daemon: "lent" | "declared" | "beside"): readonly Answer[] {
  return only(findings, scenario)[daemon] as readonly Answer[]
}

describe("over an NFS mount", () => {
  for (const mount of [...MOUNTS, "documented, written over NFS"]) {
    it(`the first answer after a backup landed is never fresh: mounted as ${mount}`, () => {
      for (const landing of landings(mount)) expect(landing).not.toMatchObject({ first: "fresh" })
    })

    it(`a landed backup is told within 10 s: mounted as ${mount}`, () => {
      expect(median(landings(mount).map(({ milliseconds }) => milliseconds))).toBeLessThan(LANDED_MS)
    })
  }

  for (const mount of MOUNTS) {
    it(`one more backup is noticed without any question: mounted as ${mount}`, () => {
      const finding = findings.find(({ scenario, mount: which }) => scenario === "unasked" && which === mount)
      expect(finding?.["milliseconds"]).toBeLessThan(LANDED_MS)
    })
  }

  it("the client is known, with its version, its connection and the file that it holds", () => {
    for (const mount of MOUNTS) {
      const finding = findings.find(({ scenario, mount: which }) => scenario === "clients" && which === mount)
      expect(finding).toMatchObject({ threads: 4, problems: [] })
      expect(finding?.["shown"]).toMatchObject({ server: { running: true }, problems: [] })
      const rows = finding?.["rows"] as readonly NfsClientRow[]
      const [client] = rows.filter(({ address }) => address === "10.77.0.2")
      expect(client?.connections).toBeGreaterThan(0)
      if (mount === "version 3") {
        expect(client?.versions).toContain("3")
        expect(client?.onceMounted).toContain("/srv/backups")
        continue
      }
      // The cluster's network is another one.
      expect(finding?.["shown"]).toMatchObject({ notices: [{ code: "stranger" }] })
      expect(client?.versions).toContain("4.2")
      expect(client?.instances.map(({ status }) => status)).toContain("confirmed")
      expect(client?.held.flatMap(({ exports }) => exports)).toEqual(["/srv/backups"])
      expect(client?.held.flatMap(({ names }) => names)).toContain("backups/held")
      // The only client of its entry in the exports.
      expect(client?.traffic).toMatchObject({ readBytes: expect.any(Number) as number })
    }
  })

  it("a mount with nocto is refused, with the reason", () => {
    for (const daemon of ["lent", "declared"] as const) {
      for (const answer of answers("nocto", daemon)) {
        expect(answer).toMatchObject({ decision: "unknown", reason: "store_fenced" })
        expect(answer.error).toContain("nocto")
      }
    }
  })

  it("what was unmounted is unknown, and nothing else is", () => {
    for (const daemon of ["lent", "declared"] as const) {
      for (const answer of answers("unmounted", daemon)) expect(answer).toMatchObject({ decision: "unknown" })
    }
    expect(answers("unmounted", "declared")[0]).toMatchObject({ reason: "store_fenced" })
    expect(answers("unmounted", "beside")).toMatchObject([{ decision: "restore" }, { decision: "fresh" }])
    expect(only(findings, "mounted again")["milliseconds"]).toMatchObject({
      "new/nothing-yet": expect.any(Number) as number,
    })
  })

  it("a directory that was removed on the server is unknown, until it is back and mounted again", () => {
    for (const answer of answers("removed", "lent")) {
      expect(answer).toMatchObject({ decision: "unknown" })
      expect(answer.error).toContain("has a stale NFS handle")
    }
    expect(only(findings, "put back")["milliseconds"]).toMatchObject({
      "new/nothing-yet": expect.any(Number) as number,
    })
  })
})

for (const what of ["server", "cable"]) {
  describe(`when the NFS ${what} falls silent`, () => {
    it("volumes on it are unknown in time, those of another store are answered as ever", () => {
      for (const daemon of ["lent", "declared"] as const) {
        for (const answer of answers(`${what} silent`, daemon)) {
          expect(answer).toMatchObject({ decision: "unknown" })
          expect(answer.milliseconds).toBeLessThan(ANSWER_MS)
        }
      }
      expect(answers(`${what} silent`, "beside")).toMatchObject([
        { decision: "restore" },
        { decision: "fresh" },
      ])
    })

    it("the daemon can be stopped, also as the first process of a container", () => {
      expect(only(findings, `${what} silent, stopped`)["milliseconds"]).toBeLessThan(STOP_MS)
      expect(only(findings, `${what} silent, first process stopped`)["milliseconds"]).toBeLessThan(STOP_MS)
    })

    it("the daemon can be started, says unknown, and recovers when it is back", () => {
      for (const answer of answers(`${what} silent, started`, "lent")) {
        expect(answer).toMatchObject({ decision: "unknown" })
        expect(answer.milliseconds).toBeLessThan(ANSWER_MS)
      }
      expect(only(findings, `${what} back`)["milliseconds"]).toMatchObject({
        "new/nothing-yet": expect.any(Number) as number,
      })
    })
  })
}
