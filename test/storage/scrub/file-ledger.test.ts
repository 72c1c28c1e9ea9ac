import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type BlobRecord, FileLedger } from "../../../storage/scrub/index.js"
import { HEADER } from "../../../storage/scrub/ledger-lines.js"
import { scratch } from "../../support/fixtures.js"

const record: BlobRecord = {
  sha256: "ab",
  length: 5,
  modified: 1795249422067475670n,
  firstSeen: 1,
  lastChecked: 2,
}

function place(): { root: string; file: string } {
  const root = join(scratch(), "repository")
  mkdirSync(root)
  return { root, file: join(scratch(), "ledger") }
}

function written(count = 3): { root: string; file: string } {
  const { root, file } = place()
  const ledger = new FileLedger(file, root)
  ledger.beginPass(77)
  for (let at = 0; at < count; at++) ledger.checked(new Map([[`p/${at}\n`, { ...record, lastChecked: at }]]))
  ledger.close()
  return { root, file }
}

describe("the ledger in a file", () => {
  it("remembers to the nanosecond over a restart", () => {
    const { root, file } = written()
    const ledger = new FileLedger(file, root)
    expect([...ledger.paths()]).toEqual(["p/0\n", "p/1\n", "p/2\n"])
    expect(ledger.known("p/2\n")).toEqual({ ...record, lastChecked: 2 })
    expect(ledger.openPass).toBe(77)
    ledger.endPass()
    ledger.close()
    const again = new FileLedger(file, root)
    expect(again.openPass).toBeUndefined()
    again.close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it("is whole when it is cut at any byte: what was cut was never written, and it can be written on", () => {
    const { root, file } = written()
    const whole = readFileSync(file)
    const lines = whole.toString().split("\n").length - 2
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length))
      const ledger = new FileLedger(file, root)
      expect(ledger.damagedLines).toBe(0)
      const before = [...ledger.paths()].length
      expect(before).toBeLessThanOrEqual(lines)
      ledger.checked(new Map([["new", record]]))
      ledger.close()
      const again = new FileLedger(file, root)
      expect([...again.paths()]).toHaveLength(before + 1)
      expect(again.damagedLines).toBe(0)
      again.close()
    }
  })

  it("does not believe a line with a changed byte, and believes all others", () => {
    const { root, file } = written()
    const whole = readFileSync(file)
    for (let at = HEADER.length; at < whole.length - 1; at += 7) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 4
      writeFileSync(file, bytes)
      const ledger = new FileLedger(file, root)
      expect(ledger.damagedLines).toBeGreaterThan(0)
      for (const path of ledger.paths()) expect(ledger.known(path)).toMatchObject({ sha256: "ab", length: 5 })
      ledger.close()
    }
  })

  it("lies outside of the repository, by whatever way it is named", () => {
    const { root } = place()
    expect(() => new FileLedger(join(root, "ledger"), root)).toThrow(/inside of the repository/)
    const way = join(scratch(), "way")
    symlinkSync(root, way)
    expect(() => new FileLedger(join(way, "ledger"), root)).toThrow(/inside of the repository/)
    new FileLedger(`${root}-beside`, root).close()
  })

  it("is no other file, and never writes into one", () => {
    const { root, file } = place()
    for (const text of ["my precious notes", "my precious notes\n", "cistern scrub ledger 2\n"]) {
      writeFileSync(file, text)
      expect(() => new FileLedger(file, root)).toThrow(/no ledger/)
      expect(readFileSync(file, "utf8")).toBe(text)
    }
  })

  it("belongs to one scrub at a time", () => {
    const { root, file } = written()
    const first = new FileLedger(file, root)
    expect(() => new FileLedger(file, root)).toThrow(/another scrub uses/)
    first.close()
    new FileLedger(file, root).close()
  })

  it("is shortened when most of it is out of date, and knows the same afterwards", () => {
    const { root, file } = place()
    const ledger = new FileLedger(file, root)
    ledger.beginPass(5)
    for (let round = 0; round < 500; round++)
      ledger.checked(new Map([["p", { ...record, lastChecked: round }]]))
    const before = statSync(file).size
    ledger.close()
    expect(statSync(file).size).toBeLessThan(before / 10)
    const again = new FileLedger(file, root)
    expect(again.known("p")).toEqual({ ...record, lastChecked: 499 })
    expect(again.openPass).toBe(5)
    again.close()
  })

  it("ignores what another program added", () => {
    const { root, file } = written()
    appendFileSync(file, 'hello\n00000000 ["/x"]\n')
    const ledger = new FileLedger(file, root)
    expect(ledger.damagedLines).toBe(2)
    expect(ledger.known("x")).toBeUndefined()
    ledger.close()
  })
})
