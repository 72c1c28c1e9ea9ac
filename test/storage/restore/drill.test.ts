import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { checkSqlite } from "../../../server/db/index.js"
import { openSqlite } from "../../../server/db/sqlite.js"
import type { Snapshot, SnapshotContents } from "../../../storage/index.js"
import {
  type Check,
  drill,
  type DrillOptions,
  type DrillResult,
  sweepDrills,
} from "../../../storage/restore/index.js"
import { canary } from "../../support/directories.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { filesBelow } from "../../support/damage.js"
import { compiled } from "../../support/compiled.js"
import { type Invented, InventedContents } from "../../support/invented-contents.js"
import { ext4Image, mountImage } from "../../support/mounts.js"
import { until } from "../../support/until.js"
import { open as openKopia, passwordOf } from "../kopia/open.js"
import { open as openRestic } from "../restic/restic-fixtures.js"

const statuses = ({ checks }: DrillResult) =>
  Object.fromEntries(checks.map(({ name, status }) => [name, status]))
const detailOf = ({ checks }: DrillResult, name: Check["name"]) =>
  checks.find((one) => one.name === name)?.detail

const plain: Omit<Snapshot, "bytes" | "files"> = {
  id: "a",
  source: { user: "u", host: "h", paths: ["/data"] },
  start: 0n,
  end: undefined,
  incomplete: undefined,
  root: "k",
  failedFiles: 0,
  tags: [],
  pins: [],
  description: "",
}

/** A drill of entries that no engine wrote. */
async function drilled(
  entries: readonly Invented[],
  {
    files,
    bytes,
    scratchAt = scratch(),
    ...options
  }: DrillOptions & { files?: number; bytes?: number; scratchAt?: string } = {},
): Promise<DrillResult> {
  const contents = new InventedContents()
  const root = contents.entry({ entries })
  contents.root = () => root
  const result = await drill(contents, { ...plain, files, bytes }, scratchAt, options)
  expect(readdirSync(scratchAt).filter((name) => name.startsWith("cistern-drill"))).toEqual([])
  return result
}

async function snapshotOf(
  name: string,
  directory = fixture(name),
): Promise<{ contents: SnapshotContents; snapshot: Snapshot }> {
  const repository = name.startsWith("kopia")
    ? openKopia(directory, passwordOf(name))
    : openRestic(directory, passwordOf(name))
  const [restored] = expectedOf(name).restores as { id: string }[]
  const snapshot = (await repository.list()).snapshots.find(({ id }) => id === restored?.id)
  if (snapshot === undefined) throw new Error("no snapshot")
  return { contents: await repository.openContents(), snapshot }
}

const bytes = (length: number, of = 1) => Buffer.alloc(length, of)

describe("a drill of a snapshot that the real engine wrote", () => {
  it.each(["kopia/full-tree", "restic/full-tree-by-0.19", "restic/v1-by-0.14", "kopia/cluster-shared"])(
    "proves %s whole, and leaves nothing",
    async (name) => {
      const { contents, snapshot } = await snapshotOf(name)
      const place = scratch()
      const result = await drill(contents, snapshot, place, {
        sentinels: ["README.txt"].filter(() => name.includes("full-tree")),
        checkSqlite,
      })
      expect(result.restored).toMatchObject({ failed: [], stopped: undefined })
      const counted = snapshot.files === undefined ? "skipped" : "ok"
      expect(statuses(result)).toMatchObject({
        restored: "ok",
        read_back: "ok",
        count: counted,
        size: counted,
        engine: "skipped",
        cleaned_up: "ok",
      })
      expect(result.files).toBe((expectedOf(name).restores as { fileCount: number }[])[0]?.fileCount)
      expect(readdirSync(place)).toEqual([])
    },
  )

  it("fails when a pack is damaged, and names a file that is lost", async () => {
    const name = "kopia/full-tree"
    const directory = fixtureCopy(name)
    for (const pack of filesBelow(directory, /(^|\/)p/).slice(0, 1)) {
      const content = readFileSync(pack)
      writeFileSync(pack, content.fill(7, 100, content.length - 100))
    }
    const { contents, snapshot } = await snapshotOf(name, directory)
    const result = await drill(contents, snapshot, scratch())
    expect(result.ok).toBe(false)
    expect(result.restored.failedCount).toBeGreaterThan(0)
    expect(detailOf(result, "restored")).toMatch(/not restored: \/.* \[(corrupt|missing)\]/)
    expect(statuses(result)).toMatchObject({ restored: "failed", count: "failed", cleaned_up: "ok" })
  })
})

describe("what a drill looks at", () => {
  it("is every byte on the disk: what changed after it was written is found", async () => {
    const place = scratch()
    const other = (progress: string, done: number): void => {
      if (progress !== "read_back" || done !== 5) return
      const [folder = ""] = readdirSync(place)
      writeFileSync(join(place, folder, "tree/b/file"), "other")
      writeFileSync(join(place, folder, "tree/c/file"), "longer than it was")
    }
    const entries = ["a", "b", "c", "d"].map(inFolder)
    const result = await drilled(entries, { scratchAt: place, onProgress: other })
    expect(statuses(result)["read_back"]).toBe("failed")
    expect(detailOf(result, "read_back")).toBe(
      "/b/file: the disk gives other bytes than were written and 1 more",
    )
    expect(result.ok).toBe(false)
  })

  it("is a file that was replaced by a link or is gone, too", async () => {
    const place = scratch()
    const outside = canary()
    const other = (progress: string, done: number): void => {
      if (progress !== "read_back" || done !== 5) return
      const [folder = ""] = readdirSync(place)
      const tree = join(place, folder, "tree")
      unlinkSync(join(tree, "b/file"))
      symlinkSync(join(outside.path, "file"), join(tree, "b/file"))
      unlinkSync(join(tree, "c/file"))
    }
    const result = await drilled(["a", "b", "c"].map(inFolder), { scratchAt: place, onProgress: other })
    expect(detailOf(result, "read_back")).toBe("/b/file: it cannot be read back (ELOOP) and 1 more")
  })

  it("is the number of files and bytes that the snapshot says", async () => {
    const entries: Invented[] = [
      { name: "a", bytes: bytes(5), sameFile: "s" },
      { name: "b", bytes: bytes(5), sameFile: "s" },
    ]
    expect(statuses(await drilled(entries, { files: 2, bytes: 10 }))).toMatchObject({
      count: "ok",
      size: "ok",
    })
    expect(statuses(await drilled(entries, { files: 3, bytes: 5 }))).toMatchObject({
      count: "failed",
      size: "failed",
    })
    expect(statuses(await drilled(entries))).toMatchObject({ count: "skipped", size: "skipped" })
  })

  it("are the sentinel files, and no link to one", async () => {
    const entries: Invented[] = [
      {
        name: "etc",
        entries: [
          { name: "sentinel", bytes: bytes(1) },
          { name: "link", kind: "symlink", target: Buffer.from("sentinel") },
        ],
      },
      { name: "way", kind: "symlink", target: Buffer.from("etc") },
    ]
    expect(
      statuses(await drilled(entries, { sentinels: ["etc/sentinel", "/etc/sentinel"] }))["sentinels"],
    ).toBe("ok")
    for (const path of [
      "etc/other",
      "etc",
      "etc/link",
      "way/sentinel",
      "etc/sentinel/x",
      "../etc/sentinel",
      "",
    ]) {
      const result = await drilled(entries, { sentinels: [path] })
      expect([path, statuses(result)["sentinels"], result.ok]).toEqual([path, "failed", false])
    }
  })

  it("are databases of SQLite, by their header, with what is in a log beside them", async () => {
    const files = databases()
    const entry = (name: string, from: string): Invented => ({ name, bytes: readFileSync(from) })
    const sound = [
      entry("any.name", files.main),
      entry("any.name-wal", files.wal),
      entry("empty.db", files.empty),
      { name: "text.db", bytes: bytes(4096) },
    ]
    const result = await drilled(sound, { checkSqlite })
    expect(detailOf(result, "sqlite")).toBe("2 databases")
    expect(result.ok).toBe(true)
    const damaged = readFileSync(files.checkpointed)
    damaged.fill(0x55, 4096, 12_288)
    const bad = await drilled([{ name: "x.db", bytes: damaged }], { checkSqlite })
    expect(statuses(bad)["sqlite"]).toBe("failed")
    expect(detailOf(bad, "sqlite")).toContain("/x.db: ")
    const cut = await drilled(
      [{ name: "x.db", bytes: readFileSync(files.checkpointed).subarray(0, 10_000) }],
      { checkSqlite },
    )
    expect(statuses(cut)["sqlite"]).toBe("failed")
  })
})

/** What a service that was backed up while it ran has on its disk. */
function databases(): Record<"main" | "wal" | "empty" | "checkpointed", string> {
  const place = scratch()
  const at = (name: string) => join(place, name)
  const live = openSqlite(at("live"))
  live.pragma("journal_mode = WAL")
  live.pragma("wal_autocheckpoint = 0")
  live.exec("create table t (a integer primary key, b text)")
  const insert = live.prepare("insert into t (b) values (?)")
  for (let row = 0; row < 500; row++) insert.run("x".repeat(100))
  writeFileSync(at("main"), readFileSync(at("live")))
  writeFileSync(at("wal"), readFileSync(at("live-wal")))
  live.pragma("wal_checkpoint(TRUNCATE)")
  live.close()
  const empty = openSqlite(at("empty"))
  empty.exec("create table t (a)")
  empty.close()
  return { main: at("main"), wal: at("wal"), empty: at("empty"), checkpointed: at("live") }
}

/** One file in a directory of its own: directories are restored in their order. */
function inFolder(name: string): Invented {
  return { name, entries: [{ name: "file", bytes: bytes(5) }] }
}

describe("the scratch space", () => {
  it("is refused when it is too small, before anything is written", async () => {
    const place = join(scratch(), "disk")
    mountImage(ext4Image(8), place)
    const refusal = drilled([{ name: "a", bytes: bytes(5) }], {
      scratchAt: place,
      files: 1,
      bytes: 100_000_000,
    })
    await expect(refusal).rejects.toMatchObject({
      code: "no_space",
      hint: expect.stringContaining("larger disk") as string,
    })
    expect(readdirSync(place)).toEqual(["lost+found"])
  })

  it("is refused for the size that a walk finds where the snapshot says none", async () => {
    const place = join(scratch(), "disk")
    mountImage(ext4Image(100), place)
    const entries: Invented[] = [{ name: "in", entries: [{ name: "a", bytes: bytes(5), size: 50_000_000 }] }]
    await expect(drilled(entries, { scratchAt: place })).rejects.toMatchObject({ code: "no_space" })
  })

  it("is not filled by a file that is longer than it says", async () => {
    async function* bomb(): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(bytes(8_000_000, 1))
    }
    const result = await drilled([{ name: "bomb", bytes: bomb }], { files: 1, bytes: 10 })
    expect(result.restored.stopped).toMatchObject({ code: "no_space" })
    expect(result.ok).toBe(false)
  })

  it("is refused where it is not, or lies in the repository", async () => {
    await expect(
      drill(new InventedContents(), { ...plain, files: 1, bytes: 1 }, join(scratch(), "no")),
    ).rejects.toBeDefined()
    const place = scratch()
    await expect(
      drilled([], { scratchAt: place, notWithin: [place], files: 0, bytes: 0 }),
    ).rejects.toMatchObject({ code: "invalid" })
    expect(readdirSync(place)).toEqual([])
  })

  it("is empty again when a drill was called off", async () => {
    const place = scratch()
    const controller = new AbortController()
    async function* endless(): AsyncGenerator<Uint8Array> {
      controller.abort(new Error("called off"))
      for (;;) yield await Promise.resolve(bytes(10))
    }
    await expect(
      drilled([{ name: "a", entries: [{ name: "x", bytes: endless }] }], {
        scratchAt: place,
        signal: controller.signal,
      }),
    ).rejects.toThrow("called off")
    expect(readdirSync(place)).toEqual([])
  })
})

describe("what a drill left whose process was killed", () => {
  it("goes when the next one starts, and nothing else does", async () => {
    const place = scratch()
    const name = "restic/full-tree-by-0.19"
    const code = compiled("storage")
    const script = `
      import { DirectoryTree } from "${code}/storage/blobs/index.js"
      import { openRepository, Secret } from "${code}/storage/index.js"
      import { drill } from "${code}/storage/restore/index.js"
      const repository = await openRepository({ files: new DirectoryTree(${JSON.stringify(fixture(name))}), password: new Secret(${JSON.stringify(passwordOf(name))}) })
      const { snapshots: [snapshot] } = await repository.list()
      await drill(await repository.openContents(), snapshot, ${JSON.stringify(place)}, { bytesPerSecond: 300_000 })`
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "inherit", "inherit"],
    })
    const closed = once(child, "close")
    await until(
      () => readdirSync(place).map((folder) => existsSync(join(place, folder, "tree/README.txt"))),
      (seen) => seen.includes(true),
      "a file that the drill restored",
    )
    const [folder = ""] = readdirSync(place)
    // It works still: another drill beside it must leave it alone.
    expect(await sweepDrills(place)).toEqual({ removed: [], kept: [join(place, folder)] })
    child.kill("SIGKILL")
    await closed
    expect(statSync(join(place, folder, "tree")).isDirectory()).toBe(true)

    const outside = canary()
    const before = outside.state()
    symlinkSync(outside.path, join(place, folder, "tree/outside"))
    mkdirSync(join(place, "mine"))
    writeFileSync(join(place, "mine/file"), "precious")
    mkdirSync(join(place, "cistern-drill-0123456789abcdef"))
    writeFileSync(join(place, "cistern-drill-0123456789abcdef/file"), "precious")
    mkdirSync(join(place, "cistern-drill-mine"))
    writeFileSync(join(place, "cistern-drill-mine/cistern-drill.json"), "{}")
    symlinkSync(outside.path, join(place, "cistern-drill-1111111111111111"))
    const kept = readdirSync(place).filter((one) => one !== folder)

    const { contents, snapshot } = await snapshotOf(name)
    const result = await drill(contents, snapshot, place)
    expect(result).toMatchObject({ ok: true, swept: [join(place, folder)] })
    expect(readdirSync(place)).toEqual(kept)
    expect(readFileSync(join(place, "cistern-drill-0123456789abcdef/file"), "utf8")).toBe("precious")
    expect(outside.state()).toBe(before)
  })

  it("goes also where it was killed before its marker was written, once that is long ago", async () => {
    const place = scratch()
    const [young, old, marked] = ["a", "b", "c"].map((letter) =>
      join(place, `cistern-drill-${letter.repeat(16)}`),
    )
    for (const folder of [young, old, marked]) mkdirSync(folder ?? "")
    utimesSync(old ?? "", 0, 0)
    closeSync(openSync(join(marked ?? "", "cistern-drill.json"), "w"))
    expect([...(await sweepDrills(place)).removed].sort()).toEqual([old, marked])
    expect(readdirSync(place)).toEqual([`cistern-drill-${"a".repeat(16)}`])
  })
})
