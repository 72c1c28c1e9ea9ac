import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { cli, type CliResult } from "../../support/cli.js"
import { filesBelow } from "../../support/damage.js"
import { expectedOf, fixtureCopy, scratch } from "../../support/fixtures.js"

const NAME = "restic/v2-by-0.18"

interface Row {
  readonly severity: string
  readonly code: string
  readonly subject: { readonly key: string }
}

function at(directory: string, password: string, ...more: string[]): Promise<CliResult> {
  const file = join(scratch(), "password")
  writeFileSync(file, password)
  return cli(["findings", "--at", directory, "--password-file", file, ...more])
}

const password = (name: string): string => String(expectedOf(name)["password"])

function rowsOf({ stdout }: CliResult): readonly Row[] {
  return (JSON.parse(stdout) as { findings: Row[] }).findings
}

describe("the findings of a repository without a daemon", () => {
  it("name a pack that is gone and every snapshot that it costs, the worst first, and end with 1", async () => {
    const directory = fixtureCopy(NAME)
    const whole = await at(directory, password(NAME), "--json")
    const damagedBefore = rowsOf(whole).filter(({ code }) => /damaged/.test(code))
    expect(damagedBefore).toEqual([])
    for (const file of filesBelow(directory, /^data\//)) rmSync(file)
    const damaged = await at(directory, password(NAME), "--json")
    expect(damaged.exitCode).toBe(1)
    const rows = rowsOf(damaged)
    const snapshots = expectedOf(NAME)["snapshots"] as { id: string }[]
    const lost = rows.filter(({ code }) => code === "snapshot_damaged").map(({ subject }) => subject.key)
    expect(lost.sort()).toEqual(snapshots.map(({ id }) => id).sort())
    expect(rows.some(({ code }) => code === "file_damaged")).toBe(true)
    const ranks = rows.map(({ severity }) => ["critical", "warning", "info"].indexOf(severity))
    expect(ranks).toEqual([...ranks].sort())
    const told = await at(directory, password(NAME))
    expect(told.stdout).toMatch(/^critical {2}.* cannot be restored in full: .*\[snapshot_damaged\]$/m)
  })

  it("are one where it cannot be listed, and none where only the password is wrong", async () => {
    const directory = fixtureCopy(NAME)
    const [file = ""] = filesBelow(directory, /^snapshots\//)
    rmSync(file)
    writeFileSync(file, "no snapshot")
    const broken = await at(directory, password(NAME), "--json")
    expect(broken.exitCode).toBe(1)
    expect(rowsOf(broken)).toMatchObject([{ severity: "critical", code: "corrupt" }])
    expect(await at(directory, "wrong")).toMatchObject({ exitCode: 3, stdout: "" })
  })

  it("take no filters, and --password-file is for them alone", async () => {
    expect((await at(fixtureCopy(NAME), password(NAME), "--severity", "critical")).exitCode).toBe(2)
    expect((await cli(["findings", "--password-file", "/nonexistent"])).exitCode).toBe(2)
  })
})
