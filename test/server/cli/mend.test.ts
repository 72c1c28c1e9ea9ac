import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { filesystemSnapshots, snapshotPlace, takeStoreFence } from "../../../storage/disk/index.js"
import { btrfsMount, subvolume } from "../../support/btrfs.js"
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

describe("cistern mend where nothing is named to mend from", () => {
  const name = "restic/v2-by-0.18"

  it("looks into the filesystem snapshots of the store, the newest first", async () => {
    const store = subvolume(join(btrfsMount(), "tank"))
    const repository = join(store, "restic/media/plex")
    mkdirSync(join(store, "restic/media"), { recursive: true })
    execFileSync("cp", ["-a", fixture(name), repository])
    takeStoreFence(store, { sentinel: true })
    const snapshots = filesystemSnapshots(snapshotPlace(store, { store, exported: [] }))
    const older = await snapshots.create({ reason: "by-hand", now: new Date("2026-11-01T03:00:00Z") })
    const [path = ""] = filesBelow(repository, /^data\//)
    const file = relative(repository, path)
    damages["changed in one bit"](path)
    const newer = await snapshots.create({ reason: "by-hand", now: new Date("2026-11-02T03:00:00Z") })
    const run = (...more: readonly string[]) =>
      cli(["mend", file, "--at", repository, "--aside", join(store, "aside"), ...more])
    const plan = await run()
    expect(plan).toMatchObject({ exitCode: 0 })
    expect(plan.stdout).toContain(`damaged, or another file in ${newer.name}`)
    expect(plan.stdout).toContain(`whole in ${older.name}`)
    expect(await run("--apply")).toMatchObject({ exitCode: 0 })
    expect(readFileSync(path).equals(readFileSync(join(fixture(name), file)))).toBe(true)
  })

  it("says that it had nothing to look into", async () => {
    const repository = fixtureCopy(name)
    const [path = ""] = filesBelow(repository, /^data\//)
    const words = ["mend", relative(repository, path), "--at", repository, "--aside", scratch()]
    const ext4 = await cli(words)
    expect(ext4.exitCode).toBe(3)
    expect(ext4.stderr).toContain("--from")
    const disk = btrfsMount()
    execFileSync("cp", ["-a", repository, join(disk, "plex")])
    const none = await cli([
      "mend",
      relative(repository, path),
      "--at",
      join(disk, "plex"),
      "--aside",
      scratch(),
    ])
    expect(none.exitCode).not.toBe(0)
    expect(none.stderr).toContain("no filesystem snapshot holds")
  })
})
