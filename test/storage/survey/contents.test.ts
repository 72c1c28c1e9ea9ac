import { chmodSync, rmSync, symlinkSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { formatInstant, Secret } from "../../../storage/index.js"
import { readContents } from "../../../storage/survey/index.js"
import { expectedOf, fixture, fixtureCopy } from "../../support/fixtures.js"
import { forgetAccesses, treeState } from "../../support/tree-state.js"

function read(directory: string, engine: "kopia" | "restic", ...passwords: string[]) {
  return readContents(
    directory,
    { path: "", engines: [engine], irregular: undefined },
    passwords.map((password) => new Secret(password)),
  )
}

describe("what can be learned of a repository", () => {
  it("of Kopia's with its password: everything", async () => {
    const expected = expectedOf("kopia/cluster-shared")
    const contents = await read(
      fixture("kopia/cluster-shared"),
      "kopia",
      "wrong",
      "cluster-shared-password",
      "other",
    )
    expect(contents).toMatchObject({
      id: (expected["repositoryStatus"] as { uniqueIDHex: string }).uniqueIDHex,
      formatVersion: 3,
      layout: [1, 3],
      password: 1,
      depth: "contents",
      snapshots: 63,
      error: undefined,
    })
    expect(contents.identities).toHaveLength(12)
    expect(contents.identities.find(({ identity }) => identity.user === "sonarr")).toMatchObject({
      snapshots: 11,
    })
  })

  it("counts as newest only what is complete", async () => {
    const { snapshotList } = expectedOf("kopia/cluster-shared") as {
      snapshotList: { startTime: string; incomplete?: string }[]
    }
    const complete = snapshotList
      .flatMap((one) => (one.incomplete === undefined ? [one.startTime] : []))
      .sort()
    const { newest } = await read(fixture("kopia/cluster-shared"), "kopia", "cluster-shared-password")
    expect(formatInstant(newest ?? 0n)).toBe(complete.at(-1))
  })

  it.each([
    ["kopia/pbkdf2", []],
    ["kopia/format-1", [3, 3]],
    ["kopia/format-3", [1, 3]],
  ])("of Kopia's without its password: its id and layout (%s)", async (name, layout) => {
    const contents = await read(fixture(name), "kopia")
    const { uniqueIDHex } = expectedOf(name)["repositoryStatus"] as { uniqueIDHex: string }
    expect(contents).toMatchObject({
      id: uniqueIDHex,
      layout,
      snapshots: undefined,
      error: { code: "password_missing" },
    })
  })

  it("of Kopia's in the layout of a bucket", async () => {
    const contents = await read(join(fixture("kopia/s3-flat"), "backups/cluster-a"), "kopia", "s3-password")
    expect(contents).toMatchObject({ layout: "objects", snapshots: 3, error: undefined })
  })

  it("of restic's without its password, or with a wrong one: how many snapshots there are", async () => {
    const directory = fixture("restic/two-keys")
    expect(await read(directory, "restic")).toMatchObject({
      depth: "names",
      snapshots: 2,
      id: undefined,
      error: undefined,
    })
    expect(await read(directory, "restic", "wrong")).toMatchObject({
      depth: "names",
      snapshots: 2,
      password: undefined,
      error: { code: "wrong_password" },
    })
    expect(await read(directory, "restic", "wrong", "first password")).toMatchObject({
      depth: "contents",
      snapshots: 2,
      password: 1,
      formatVersion: 2,
      error: undefined,
    })
  })

  it("of one that is damaged: why", async () => {
    const lost = fixtureCopy("kopia/format-3")
    rmSync(join(lost, "kopia.repository.f"))
    expect(await read(lost, "kopia", "format 3 password")).toMatchObject({ error: { code: "corrupt" } })
    const keyless = fixtureCopy("restic/two-keys")
    rmSync(join(keyless, "keys"), { recursive: true })
    expect(await read(keyless, "restic", "first password")).toMatchObject({ error: { code: "corrupt" } })
  })

  it("of two in one place, or with a mark that is no file: nothing, and nothing is opened", async () => {
    const directory = fixtureCopy("restic/two-keys")
    const mixed = { path: "", engines: ["kopia", "restic"], irregular: undefined } as const
    expect(await readContents(directory, mixed, [])).toMatchObject({ error: { code: "two_repositories" } })
    rmSync(join(directory, "config"))
    symlinkSync("/nonexistent", join(directory, "config"))
    const irregular = { path: "", engines: ["restic"], irregular: "config" } as const
    expect(await readContents(directory, irregular, [])).toMatchObject({
      error: { code: "corrupt", message: `${directory}/config is not a regular file and was not opened` },
    })
  })
})

describe("reading a repository", () => {
  it.each([
    ["kopia/format-3", "kopia", "format 3 password"],
    ["restic/two-keys", "restic", "first password"],
  ] as const)(
    "changes nothing in it, not even a file's time of last access: %s",
    async (name, engine, password) => {
      const directory = fixtureCopy(name)
      forgetAccesses(directory, (path) => {
        chmodSync(path, 0o600)
        utimesSync(path, 1, 1_700_000_000)
      })
      const before = treeState(directory)
      expect(await read(directory, engine, password)).toMatchObject({ error: undefined })
      expect(treeState(directory)).toEqual(before)
    },
  )
})
