import { rmSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { cli, type CliResult } from "../../support/cli.js"
import { filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { writeSyntheticKopia } from "../../support/synthetic-kopia.js"

interface Answer {
  readonly blob: Readonly<Record<string, unknown>>
  readonly snapshots: readonly string[]
  readonly identities: readonly string[]
  readonly files: readonly {
    readonly snapshot: string
    readonly path: string
    readonly type: string
    readonly reason: string
  }[]
  readonly filesBeyond: number
  readonly gone: readonly string[]
  readonly unclear: readonly string[]
  readonly sources: readonly {
    readonly identity: string
    readonly newestGood: { readonly id: string } | null
  }[]
  readonly problem: { readonly code: string } | null
}

function impact(blob: string, directory: string, password: string, ...more: string[]): Promise<CliResult> {
  const options = ["--at", directory, "--password-env", "PASSWORD", "--progress", "none", ...more]
  return cli(["impact", blob, ...options], { environment: { PASSWORD: password } })
}

const answerOf = ({ stdout }: CliResult): Answer => JSON.parse(stdout) as Answer
const passwordOf = (name: string) => expectedOf(name)["password"] as string

const XN = "xn0_d461"

describe("cistern impact", () => {
  const format3 = "kopia/format-3"

  it("prints as JSON which snapshots, identities and files need a blob, and the newest good snapshot of each", async () => {
    const result = await impact(XN, fixture(format3), passwordOf(format3), "--json")
    expect(result.exitCode).toBe(1)
    const { blob, snapshots, identities, files, gone, sources, ...rest } = answerOf(result)
    expect(blob).toMatchObject({ kind: "index", contents: 4, everything: false, stops: false })
    expect(snapshots).toHaveLength(6)
    expect(identities).toEqual(["vol-b@ns2:/data", "vol-a@ns1:/data"])
    expect(gone).toHaveLength(1)
    expect(files).toHaveLength(6)
    expect(files[0]).toEqual({ snapshot: snapshots[1], path: "config.xml", type: "file", reason: "lost" })
    expect(sources.map(({ newestGood }) => newestGood?.id.slice(0, 8))).toEqual(["88f668ae", "dbde1446"])
    expect(rest).toMatchObject({ filesBeyond: 0, unclear: [], problem: null })
  })

  it("tells people the same, how to win it back, and from what to restore instead", async () => {
    const { stdout } = await impact(XN, fixture(format3), passwordOf(format3))
    expect(stdout).toContain("6 of 9 snapshots of 2 volumes")
    expect(stdout).toContain("kopia index recover")
    expect(stdout).toContain("    /generated-1.txt\n")
    expect(stdout).toContain("set `restoreAsOf: 2026-10-31T03:00:00Z` in the ReplicationDestination")
    expect(stdout).toContain(`cistern restore dbde1446d6de5b884ac1568654de3000 --at ${fixture(format3)}`)
  })

  it("names nothing to restore from while the engine cannot open the repository", async () => {
    const { stdout, exitCode } = await impact("q0a563", fixture(format3), passwordOf(format3))
    expect(exitCode).toBe(1)
    expect(stdout).toContain("Kopia opens no snapshot at all")
    expect(stdout).not.toContain("restoreAsOf")
    const all = await impact("kopia.repository", fixture(format3), passwordOf(format3))
    expect([all.exitCode, all.stdout.includes("9 snapshots of 2 volumes")]).toEqual([1, true])
  })

  it("takes the path of a file as a message or a listing gives it", async () => {
    const directory = fixture("restic/two-keys")
    const [pack = ""] = filesBelow(directory, /^data\/88/)
    const results = await Promise.all(
      [pack, relative(directory, pack), "data/88", "8846"].map((words) =>
        impact(words, directory, "first password", "--json"),
      ),
    )
    for (const result of results) expect(answerOf(result)).toEqual(answerOf(results[0] ?? result))
    expect(answerOf(results[0] as CliResult)).toMatchObject({
      identities: [directory],
      files: [
        { path: "", type: "directory" },
        { path: "app/logs", type: "directory" },
      ],
      sources: [{ newestGood: null }],
    })
  })

  it("names no more files than asked for, and counts the others", async () => {
    const result = await impact("pb2ddc", fixture(format3), passwordOf(format3), "--json", "--most", "3")
    const { files, filesBeyond } = answerOf(result)
    expect([files.length, filesBeyond]).toEqual([3 * 3 + 6 * 2, 1030 - 21])
  })

  it("exits with 0 for what nothing needs, 2 for what is no file of the repository, 3 without the password", async () => {
    const directory = scratch()
    const repository = writeSyntheticKopia(directory, { password: "p", snapshots: 2, identities: 1 })
    repository.openSession({ user: "u", host: "h" })
    const [marker = ""] = filesBelow(directory, /^s/)
    const free = await impact(marker, directory, "p", "--json")
    expect(free.exitCode).toBe(0)
    expect(answerOf(free)).toMatchObject({ snapshots: [], identities: [], files: [], sources: [] })
    expect((await impact("nonesuch", directory, "p")).exitCode).toBe(2)
    expect((await impact(marker, directory, "p", "--most", "none")).exitCode).toBe(2)
    expect((await impact(marker, directory, "wrong")).exitCode).toBe(3)
    const locked = await cli(["impact", "config", "--at", fixture("restic/two-keys")])
    expect(locked.exitCode).toBe(3)
  })

  it("exits with 3 where something else is damaged, that may need it", async () => {
    const directory = fixtureCopy("restic/two-keys")
    for (const pack of filesBelow(directory, /^data\/88/)) rmSync(pack)
    const [key = ""] = filesBelow(directory, /^keys\//)
    const result = await impact(key, directory, "first password", "--json")
    expect(result.exitCode).toBe(3)
    expect(answerOf(result)).toMatchObject({
      snapshots: [],
      unclear: [expect.any(String), expect.any(String)],
    })
  })

  it("says so where the file is gone already, and tells of snapshots", async () => {
    const directory = fixtureCopy(format3)
    const [pack = ""] = filesBelow(directory, /^q\/0a5/)
    rmSync(pack)
    const result = await impact(pack, directory, passwordOf(format3), "--json")
    expect(result.exitCode).toBe(1)
    expect(answerOf(result)).toMatchObject({
      snapshots: [],
      problem: { code: "corrupt" },
      blob: { stops: true },
    })
    const text = await impact("q0a563", directory, passwordOf(format3))
    expect(text.stdout).toContain("Which snapshots need it cannot be told")
    const other = await impact("q1c1", directory, passwordOf(format3))
    expect([other.exitCode, other.stderr.includes("q/0a5/")]).toEqual([1, true])
  })

  it("still tells all, where a pack of files is gone already", async () => {
    const directory = fixtureCopy(format3)
    const before = await impact("pb2ddc", directory, passwordOf(format3), "--json")
    for (const pack of filesBelow(directory, /^p\/b2d/)) rmSync(pack)
    const after = await impact(join(directory, "p/b2d"), directory, passwordOf(format3), "--json")
    expect(answerOf(after)).toEqual(answerOf(before))
  })
})
