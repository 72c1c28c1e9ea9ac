import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { EntryJson } from "../../../server/contents/index.js"
import { cli, type CliResult } from "../../support/cli.js"
import { filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { open as openRestic } from "../../storage/restic/restic-fixtures.js"
import type { Restored } from "../../support/restored.js"

function at(name: string, args: readonly string[], directory = fixture(name)): Promise<CliResult> {
  const file = join(scratch(), "password")
  writeFileSync(file, expectedOf(name)["password"] as string)
  return cli([...args, "--at", directory, "--password-file", file])
}

function restoredOf(name: string): Restored {
  const [restored] = expectedOf(name)["restores"] as Restored[]
  if (restored === undefined) throw new Error(`${name} was never restored`)
  return restored
}

function entriesOf({ stdout }: CliResult): EntryJson[] {
  return (JSON.parse(stdout) as { entries: EntryJson[] }).entries
}

const pathOf = ({ path, pathBase64 }: EntryJson): string =>
  path === undefined
    ? Buffer.from(pathBase64 ?? "", "base64").toString("hex")
    : Buffer.from(path).toString("hex")

const FULL = ["kopia/full-tree", "restic/full-tree-by-0.19"] as const
const words = { f: "file", d: "directory", l: "symlink", p: "fifo" } as const

describe.each(FULL)("cistern ls of %s", (name) => {
  it("prints as JSON everything that the real program restores, with the hash of every file", async () => {
    const { id, files = [] } = restoredOf(name)
    const result = await at(name, ["ls", id, "-R", "--sha256", "--json"])
    expect(result.exitCode).toBe(0)
    const found = entriesOf(result).map((entry) => [
      pathOf(entry),
      entry.type,
      entry.sha256,
      entry.targetBase64 ??
        (entry.target === undefined ? undefined : Buffer.from(entry.target).toString("base64")),
    ])
    const real = files
      .filter(({ path }) => path !== ".")
      .map(({ path = "", pathHex, type, sha256, target, targetHex }) => [
        pathHex ?? Buffer.from(path).toString("hex"),
        words[type as keyof typeof words],
        sha256,
        target === undefined
          ? undefined
          : Buffer.from(targetHex ?? target, targetHex === undefined ? "utf8" : "hex").toString("base64"),
      ])
    const byPath = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1)
    expect(found.sort(byPath)).toEqual(real.sort(byPath))
  })

  it("prints one directory, by the beginning of an id, with or without slashes", async () => {
    const { id } = restoredOf(name)
    const results = await Promise.all(
      [`${id.slice(0, 8)}:app`, `${id.slice(0, 8)}:/app/`, `${id}:app//`].map((what) =>
        at(name, ["ls", what, "--json"]),
      ),
    )
    for (const result of results)
      expect(
        entriesOf(result)
          .map(({ path }) => path)
          .sort(),
      ).toEqual(["app/cover.jpg", "app/logs", "app/settings.yaml"])
  })

  it("prints for people what they can read on a terminal, whatever names are in it", async () => {
    const { id } = restoredOf(name)
    const { stdout, exitCode } = await at(name, ["ls", `${id}:names`])
    expect(exitCode).toBe(0)
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
    const app = await at(name, ["ls", `${id}:app`])
    expect(app.stdout).toMatch(/^-0644 0:0 +\S+ KiB \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ app\/settings\.yaml$/m)
    expect(app.stdout).toMatch(/^d0755 0:0 +- \S+ app\/logs$/m)
  })

  it("names what is not there, and where it ends", async () => {
    const { id } = restoredOf(name)
    const missing = await at(name, ["ls", `${id}:app/nothing`])
    expect(missing).toMatchObject({ exitCode: 1, stdout: "" })
    expect(missing.stderr).toContain("nothing is at /app/nothing")
    const through = await at(name, ["ls", `${id}:README.txt/more`])
    expect(through).toMatchObject({ exitCode: 1 })
    expect(through.stderr).toContain("/README.txt is no directory")
  })
})

describe.each(FULL)("cistern get of %s", (name) => {
  it("writes a file's bytes and nothing else", async () => {
    const { id, files = [] } = restoredOf(name)
    const wanted = files.filter(
      ({ type, path }) => type === "f" && path !== undefined && !path.includes("\ufffd"),
    )
    for (const { path = "", sha256 } of [wanted.at(0), wanted.at(-1)].flatMap((one) => one ?? [])) {
      const { exitCode, bytes, stderr } = await at(name, ["get", `${id}:/${path}`])
      expect([exitCode, stderr]).toEqual([0, ""])
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256)
    }
  })

  it("refuses a directory without a format, and what belongs to the other kind", async () => {
    const { id } = restoredOf(name)
    for (const words of [
      [`${id}:app`],
      [`${id}:app`, "--format", "tar", "--range", "0-1"],
      [`${id}:app`, "--format", "rar"],
      [`${id}:README.txt`, "--format", "tar"],
      [`${id}:README.txt`, "--skip-damaged"],
      [`${id}:README.txt`, "--range", "x"],
      [`${id}:README.txt`, "--range", "5-1"],
    ])
      expect(await at(name, ["get", ...words])).toMatchObject({ exitCode: 2, stdout: "" })
  })

  it("writes a range of a file", async () => {
    const { id } = restoredOf(name)
    const get = (...range: string[]): Promise<CliResult> => at(name, ["get", `${id}:app/cover.jpg`, ...range])
    const whole = (await get()).bytes
    expect((await get("--range", "10-19")).bytes.equals(whole.subarray(10, 20))).toBe(true)
    expect((await get("--range", "-7")).bytes.equals(whole.subarray(-7))).toBe(true)
    expect((await get("--range", "20000-")).bytes.equals(whole.subarray(20_000))).toBe(true)
    expect(await get("--range", "99999999-")).toMatchObject({ exitCode: 1, stdout: "" })
  })

  it("writes a directory as an archive that the real programs read", async () => {
    const { id, files = [] } = restoredOf(name)
    const sha256 = files.find(({ path }) => path === "app/cover.jpg")?.sha256
    for (const [format, program] of [
      ["tar", ["tar", "-xOf"]],
      ["zip", ["unzip", "-p"]],
    ] as const) {
      const result = await at(name, ["get", `${id}:app`, "--format", format])
      expect([result.exitCode, result.stderr]).toEqual([0, ""])
      const file = join(scratch(), "archive")
      writeFileSync(file, result.bytes)
      const bytes = execFileSync(program[0], [program[1], file, "app/cover.jpg"])
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256)
    }
  })
})

/** The packs that hold what is in files; directories lie in others. */
async function dataPacks(name: string, directory: string): Promise<string[]> {
  if (name.startsWith("kopia/")) return filesBelow(directory, /^p\/.*\.f$/)
  const indexes = await openRestic(directory, expectedOf(name)["password"] as string).readIndexes()
  return indexes
    .flatMap(({ packs }) => packs)
    .filter(({ blobs }) => blobs[0]?.type === "data")
    .map(({ id }) => join(directory, "data", id.slice(0, 2), id))
}

describe.each(["kopia/format-3", "restic/v2-by-0.18"])("damage in %s", (name) => {
  it("is told of every entry that it costs, the rest is listed, and the exit code is 1", async () => {
    const directory = fixtureCopy(name)
    const { id } = restoredOf(name)
    const whole = entriesOf(await at(name, ["ls", id, "-R", "--sha256", "--json"], directory))
    for (const pack of await dataPacks(name, directory)) truncateSync(pack, 60)
    const result = await at(name, ["ls", id, "-R", "--sha256", "--json"], directory)
    const entries = entriesOf(result)
    const damaged = entries.filter(({ problem }) => problem !== undefined)
    expect(damaged.map(({ type }) => type)).toEqual(damaged.map(() => "file"))
    expect(damaged.length).toBeGreaterThan(5)
    expect(result.exitCode).toBe(1)
    expect(entries.length).toBe(whole.length)
    for (const { problem } of damaged) expect(problem?.code).toBe("corrupt")
  })

  it("breaks an archive off, or is left out of it and named", async () => {
    const directory = fixtureCopy(name)
    const { id } = restoredOf(name)
    for (const pack of await dataPacks(name, directory)) truncateSync(pack, 60)
    const broken = await at(name, ["get", id, "--format", "tar"], directory)
    expect(broken.exitCode).toBe(1)
    expect(broken.stderr).toContain("[corrupt]")
    const read = spawnSync("tar", ["-tf", "-"], { input: broken.bytes, encoding: "utf8" })
    expect(read).toMatchObject({ status: 2, stderr: expect.stringContaining("Unexpected EOF") as string })
    const rest = await at(name, ["get", id, "--format", "tar", "--skip-damaged"], directory)
    expect(rest.exitCode).toBe(1)
    expect(rest.stderr.match(/^left out: /gm)?.length).toBeGreaterThan(5)
    expect(spawnSync("tar", ["-tf", "-"], { input: rest.bytes })).toMatchObject({ status: 0 })
  })

  it("of directories is told by diff and find, with exit code 1", async () => {
    const directory = fixtureCopy(name)
    const { id } = restoredOf(name)
    const data = new Set(await dataPacks(name, directory))
    const [first, second] = [restoredOf(name).id, await otherOf(name)]
    for (const pack of filesBelow(directory, /^(q|data)\//)) if (!data.has(pack)) truncateSync(pack, 60)
    for (const words of [
      ["find", "x"],
      ["diff", first, second, "--json"],
    ]) {
      const result = await at(name, words, directory)
      expect(result.exitCode).toBe(1)
      expect(result.stdout + result.stderr).toContain("corrupt")
    }
    expect(id).toBe(first)
  })
})

/** The id of another snapshot. */
async function otherOf(name: string): Promise<string> {
  const { stdout } = await at(name, ["snapshots", "--json"])
  const { snapshots } = JSON.parse(stdout) as { snapshots: { id: string }[] }
  const other = snapshots.find(({ id }) => id !== restoredOf(name).id)
  if (other === undefined) throw new Error("there is only one snapshot")
  return other.id
}

interface DiffJson {
  readonly changes: readonly {
    readonly change: string
    readonly path?: string
    readonly what: readonly string[]
  }[]
  readonly summary: Readonly<Record<string, number>>
}

describe.each(FULL)("cistern diff in %s", (name) => {
  it("tells what differs as text and as JSON, metadata only when asked, and exits with 0", async () => {
    const [before, after] = [restoredOf(name).id, await otherOf(name)]
    const json = await at(name, ["diff", before, after, "--json"])
    const { changes, summary } = JSON.parse(json.stdout) as DiffJson
    const text = await at(name, ["diff", before, after])
    expect([json.exitCode, text.exitCode]).toEqual([0, 0])
    expect(changes.length).toBeGreaterThan(0)
    expect(text.stdout.trimEnd().split("\n")).toHaveLength(changes.length)
    expect(text.stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
    expect(summary["added"]).toBe(changes.filter(({ change }) => change === "added").length)
    expect(summary["changed"]).toBe(changes.filter(({ what }) => what.includes("content")).length)
    const all = JSON.parse(
      (await at(name, ["diff", before, after, "--metadata", "--json"])).stdout,
    ) as DiffJson
    expect(all.changes.length).toBe(changes.length + (summary["metadata"] ?? -1))
    const same = await at(name, ["diff", after, after, "--json"])
    expect(JSON.parse(same.stdout)).toMatchObject({ changes: [], summary: { added: 0, changed: 0 } })
    expect(await at(name, ["diff", `${after}:app`, `${after}:nothing`])).toMatchObject({ exitCode: 1 })
  })
})

interface FindJson {
  readonly found: readonly { readonly path?: string; readonly snapshots: number; readonly identity: string }[]
}

describe.each(FULL)("cistern find in %s", (name) => {
  it("finds a file in all snapshots, in one, below a directory, and of an identity", async () => {
    const find = async (...words: string[]): Promise<FindJson["found"]> => {
      const result = await at(name, ["find", ...words, "--json"])
      expect(result.exitCode).toBe(0)
      return (JSON.parse(result.stdout) as FindJson).found
    }
    const all = await find("cover.jpg")
    expect(all.map(({ path }) => path)).toContain("app/cover.jpg")
    expect(await find("COVER.*", "-i")).toEqual(all)
    expect(await find("/app/cover.jpg")).toEqual(all)
    expect(await find("cover.jpg", "--path", "app")).toEqual(all)
    expect(await find("cover.jpg", "--identity", all[0]?.identity ?? "")).toEqual(
      all.filter(({ identity }) => identity === all[0]?.identity),
    )
    expect((await find("cover.jpg", "--snapshot", "latest"))[0]).toMatchObject({
      path: "app/cover.jpg",
      snapshots: 1,
    })
    const text = await at(name, ["find", "*"])
    expect(text.exitCode).toBe(0)
    expect(text.stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
  })

  it("says when nothing fits, and what it was called wrongly for", async () => {
    expect(await at(name, ["find", "no-such-file"])).toMatchObject({ exitCode: 1, stderr: "Nothing fits.\n" })
    for (const words of [
      ["find", ".."],
      ["find", "x", "--identity", "a@b:/c"],
    ])
      expect(await at(name, words)).toMatchObject({ exitCode: 2 })
  })
})

describe("the words for a snapshot", () => {
  const name = "restic/v2-by-0.18"

  it.each(["../etc", "xyz", "", "latest/a"])("are not %j", async (what) => {
    expect((await at(name, ["ls", what])).exitCode).toBe(2)
  })

  it("may be `latest`", async () => {
    expect((await at(name, ["ls", "latest"])).exitCode).toBe(0)
  })

  it("must not fit several, and must fit one", async () => {
    const many = await at("restic/many-800", ["ls", "a"])
    expect(many).toMatchObject({ exitCode: 2 })
    expect(many.stderr).toContain("snapshots begin with a")
    expect((await at(name, ["ls", "0000000000"])).exitCode).toBe(1)
  })

  it("need the password", async () => {
    const { exitCode, stderr } = await cli(["ls", "latest", "--at", fixture(name)])
    expect([exitCode, stderr.includes("password")]).toEqual([3, true])
  })
})
