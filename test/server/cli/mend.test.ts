import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { cli, type CliResult } from "../../support/cli.js"
import { damages, filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"

function passwordFile(name: string): string {
  const file = join(scratch(), "password")
  writeFileSync(file, expectedOf(name)["password"] as string)
  return file
}

interface Scene {
  readonly repository: string
  readonly file: string
  readonly aside: string
  readonly run: (...args: readonly string[]) => Promise<CliResult>
}

function damaged(name: string, pattern: RegExp, damage: keyof typeof damages = "changed in one bit"): Scene {
  const repository = fixtureCopy(name)
  const [path = ""] = filesBelow(repository, pattern)
  damages[damage](path)
  const file = relative(repository, path)
  const aside = join(scratch(), "aside")
  const run = (...args: readonly string[]) =>
    cli(["mend", file, "--at", repository, "--password-file", passwordFile(name), "--aside", aside, ...args])
  return { repository, file, aside, run }
}

describe.each([
  ["kopia/full-tree", /^p\//],
  ["restic/v2-by-0.18", /^data\//],
] as const)("cistern mend of %s", (name, pattern) => {
  it("shows what it would do, and does it when told", async () => {
    const { repository, file, run } = damaged(name, pattern)
    const before = readFileSync(join(repository, file))
    const nowhere = scratch()
    const plan = await run("--from", nowhere, fixture(name))
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(plan.stdout).toContain(`not there in ${nowhere}`)
    expect(plan.stdout).toContain("Nothing was changed.")
    expect(readFileSync(join(repository, file)).equals(before)).toBe(true)

    const done = await run("--from", fixture(name), "--apply", "--json")
    expect(done).toMatchObject({ exitCode: 0 })
    const { healed } = JSON.parse(done.stdout) as { healed: { from: string; aside: string } }
    expect(healed.from).toBe(fixture(name))
    expect(readFileSync(join(repository, file)).equals(readFileSync(join(fixture(name), file)))).toBe(true)
    expect(readFileSync(join(healed.aside, "damaged")).equals(before)).toBe(true)
  })

  it("says when no other state has it whole", async () => {
    const { run } = damaged(name, pattern)
    const result = await run("--from", scratch(), "--apply")
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain("cistern impact")
  })

  it("puts back a pack that is gone and that an index needs", async () => {
    const { repository, file, run } = damaged(name, pattern, "removed")
    expect(await run("--from", fixture(name), "--apply")).toMatchObject({ exitCode: 0 })
    expect(readFileSync(join(repository, file)).equals(readFileSync(join(fixture(name), file)))).toBe(true)
  })
})

it("cistern mend puts back no snapshot of restic that is gone: it may have been forgotten", async () => {
  const { repository, file, run } = damaged("restic/v2-by-0.18", /^snapshots\//, "removed")
  const refused = await run("--from", fixture("restic/v2-by-0.18"), "--apply")
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain("may have been pruned")
  expect(existsSync(join(repository, file))).toBe(false)
})

it("cistern mend keeps nothing in the repository, and mends nothing that has no mark", async () => {
  const { repository, run } = damaged("restic/v2-by-0.18", /^data\//)
  const inside = await run("--from", scratch(), "--aside", join(repository, "aside"))
  expect(inside.exitCode).toBe(2)
  const config = await cli(["mend", "config", "--at", repository, "--from", scratch(), "--aside", scratch()])
  expect(config).toMatchObject({ exitCode: 3 })
  expect(config.stderr).toContain("[unsupported]")
})
