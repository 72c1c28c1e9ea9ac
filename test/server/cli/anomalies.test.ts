import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { cli } from "../../support/cli.js"
import { filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"

const asOf = ["--as-of", "2026-11-19T12:00:00Z"]

function place(name: string, at = fixture(name)): string[] {
  const file = join(scratch(), "password")
  writeFileSync(file, expectedOf(name)["password"] as string)
  return ["anomalies", "--at", at, "--password-file", file]
}

interface Answer {
  readonly sources: readonly {
    source: string
    compared: number
    anomalies: { code: string; hint: string }[]
  }[]
}

describe("cistern anomalies", () => {
  it("tells with code, sentence and next step, and exits with 1", async () => {
    const { exitCode, stdout } = await cli([...place("kopia/zero-files"), ...asOf])
    expect(exitCode).toBe(1)
    expect(stdout).toContain(
      "nextcloud@cloud:/data: critical [file_zeroed]\n  3 files (254 KiB) turned into zeros",
    )
    expect(stdout).toContain("cistern get 1e6ef62f6ad6340976140759c2e98c8b:/PATH")
  })

  it("compares the newest step of each source, and with --all every one", async () => {
    const codes = async (...more: string[]) => {
      const { stdout } = await cli([
        ...place("restic/zero-files"),
        "--as-of",
        "2026-11-18T12:00:00Z",
        "--json",
        ...more,
      ])
      const { sources } = JSON.parse(stdout) as Answer
      return sources.map(({ compared, anomalies }) => [compared, ...anomalies.map(({ code }) => code)])
    }
    expect(await codes()).toEqual([[1, "files_lost", "mass_deletion"]])
    expect(await codes("--all")).toEqual([[4, "files_lost", "file_zeroed", "mass_deletion"]])
  })

  it("exits with 0 where nothing is odd", async () => {
    const many = await cli([...place("kopia/many"), "--as-of", "2026-11-22T00:00:00Z", "--json"])
    const { sources } = JSON.parse(many.stdout) as Answer
    expect([many.exitCode, sources.length]).toEqual([0, 60])
    expect(sources.flatMap(({ anomalies }) => anomalies)).toEqual([])
    const sound = await cli([...place("kopia/full-tree"), ...asOf])
    expect(sound).toMatchObject({ exitCode: 0, stdout: "Nothing odd.\n" })
  })

  it("is told how often backups should be made", async () => {
    const { exitCode, stdout } = await cli([
      ...place("kopia/full-tree"),
      "--as-of",
      "2027-01-01T00:00:00Z",
      "--interval",
      "24h",
    ])
    expect(exitCode).toBe(1)
    expect(stdout).toContain("[backup_missed]")
  })

  it("exits with 3 where it cannot tell: without the password, or of damaged trees", async () => {
    expect(await cli(["anomalies", "--at", fixture("restic/zero-files")])).toMatchObject({ exitCode: 3 })
    expect(await cli(["anomalies", "--at", fixture("kopia/zero-files")])).toMatchObject({ exitCode: 3 })
    const name = "restic/v2-by-0.18"
    const copy = fixtureCopy(name)
    for (const pack of filesBelow(join(copy, "data"), /./)) rmSync(pack)
    const damaged = await cli([...place(name, copy), ...asOf])
    expect(damaged.stdout).toContain("[not_compared]")
    expect(damaged).toMatchObject({ exitCode: 3 })
  })

  it("refuses times and ages that are none", async () => {
    expect(await cli([...place("kopia/zero-files"), "--as-of", "yesterday"])).toMatchObject({ exitCode: 2 })
    expect(await cli([...place("kopia/zero-files"), "--interval", "1 day"])).toMatchObject({ exitCode: 2 })
  })
})
