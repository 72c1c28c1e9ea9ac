import { execFileSync, spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createWriteStream } from "node:fs"
import { extract } from "tar-stream"
import { describe, expect, it } from "vitest"
import { archive, type ArchiveLoss, type ArchiveOptions } from "../../../storage/browse/index.js"
import type { SnapshotContents, SnapshotEntry, StorageError } from "../../../storage/index.js"
import { scratch } from "../../support/fixtures.js"
import { openedFixture } from "../../support/opened-fixture.js"
import { readAll, shown } from "../../support/restored.js"
import { directoryOf, entryOf, TreeContents } from "../../support/tree-contents.js"
import { attributesOf, unpackedIn } from "../../support/unpacked.js"

async function tarOf(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: Partial<ArchiveOptions> = {},
): Promise<string> {
  const file = join(scratch(), "archive.tar")
  const pieces = archive(contents, directory, { format: "tar", damaged: "stop", ...options })
  await pipeline(Readable.from(pieces), createWriteStream(file))
  return file
}

/** Extracts with the real tar, as root does. */
function untar(file: string): { directory: string; stderr: string; status: number | null } {
  const directory = scratch()
  const how = ["--warning=no-timestamp", "--xattrs", "--xattrs-include=*", "-xpf", file, "-C", directory]
  const { stderr, status } = spawnSync("tar", how, { encoding: "utf8" })
  return { directory, stderr, status }
}

async function told(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: Partial<ArchiveOptions> = {},
): Promise<{ file: string; problems: string[]; losses: string[] }> {
  const [problems, losses]: [string[], string[]] = [[], []]
  const file = await tarOf(contents, directory, {
    onProblem: (path: Uint8Array, { code }: StorageError) =>
      problems.push(`${Buffer.from(path).toString()} ${code}`),
    onLoss: (path: Uint8Array, loss: ArchiveLoss) => losses.push(`${Buffer.from(path).toString()} ${loss}`),
    ...options,
  })
  return { file, problems, losses }
}

describe("a snapshot as a tar archive", () => {
  it.each(["restic/full-tree-by-0.19", "kopia/full-tree", "restic/zero-files", "kopia/compression"])(
    "is unpacked by the real tar to what the engine restores: %s",
    async (name) => {
      const { contents, snapshots } = await openedFixture(name)
      const snapshot = snapshots.at(-1)
      if (snapshot === undefined) throw new Error("no snapshot")
      const { directory, status, stderr } = untar(await tarOf(contents, contents.root(snapshot)))
      expect(status).toBe(0)
      expect(stderr.replace(/^.*hdrcharset.*\n/gm, "")).toBe("")
      const read = shown(await readAll(contents, snapshot), { directoryTimes: true })
      const unpacked = unpackedIn(directory)
      const both = (one: Omit<(typeof unpacked)[number], "inode" | "device">): unknown[] => [
        one.path,
        one.type,
        one.mode,
        one.owner,
        one.mtimeNs,
        one.size,
        one.sha256,
        one.target,
      ]
      expect(unpacked.map(both)).toEqual(read.map((one) => both({ ...one, mtimeNs: one.mtimeNs ?? "" })))
      for (const { path, attributes } of read) {
        if (Object.keys(attributes).length === 0) continue
        expect(attributesOf(directory, Buffer.from(path, "hex").toString())).toEqual(attributes)
      }
    },
  )

  it("has the hard links of the restored ones", async () => {
    const { contents, snapshots } = await openedFixture("restic/full-tree-by-0.19")
    const [snapshot] = snapshots
    if (snapshot === undefined) throw new Error("no snapshot")
    const groups = new Map<string, string[]>()
    for (const { path, entry } of await readAll(contents, snapshot))
      if (entry.sameFile !== undefined)
        groups.set(entry.sameFile, [...(groups.get(entry.sameFile) ?? []), path])
    const { directory } = untar(await tarOf(contents, contents.root(snapshot)))
    const inodes = new Map(unpackedIn(directory).map(({ path, inode }) => [path, inode]))
    expect(groups.size).toBeGreaterThan(0)
    for (const names of groups.values()) {
      expect(names.length).toBeGreaterThan(1)
      expect(new Set(names.map((one) => inodes.get(one))).size).toBe(1)
    }
    expect(new Set([...groups.values()].map(([one = ""]) => inodes.get(one))).size).toBe(groups.size)
  })

  it("of a directory below begins with its name", async () => {
    const { contents, snapshots } = await openedFixture("restic/full-tree-by-0.19")
    const [snapshot] = snapshots
    if (snapshot === undefined) throw new Error("no snapshot")
    const app = (await contents.list(contents.root(snapshot))).find(({ name }) =>
      Buffer.from("app").equals(name),
    )
    if (app === undefined) throw new Error("no app")
    const list = execFileSync("tar", ["-tf", await tarOf(contents, app)], { encoding: "utf8" })
    expect(list.split("\n").slice(0, 3)).toEqual(["app/", "app/cover.jpg", "app/logs/"])
    const named = await tarOf(contents, app, { name: Buffer.from("other") })
    expect(execFileSync("tar", ["-tf", named], { encoding: "utf8" })).toMatch(/^other\/\nother\/cover\.jpg\n/)
  })
})

const odd = entryOf

describe("a tar archive", () => {
  const long = "n".repeat(255)
  const oddEntries = [
    odd({ name: "-rf" }),
    odd({ name: "new\nline" }),
    odd({ name: Uint8Array.of(0x62, 0xff) }),
    odd({ name: Buffer.concat([Buffer.from("l".repeat(200)), Uint8Array.of(0xff)]) }),
    odd({ name: "mode 0", mode: 0 }),
    odd({ name: "setuid", mode: 0o4755 }),
    odd({ name: "1969", modified: -1_500_000_000n }),
    odd({ name: "2236", modified: 8_413_792_000_000_000_001n }),
    odd({ name: "owner", uid: 4_000_000_000, gid: 3_999_999_999 }),
    odd({ name: "link", kind: "symlink", target: Buffer.from("t".repeat(300)) }),
    odd({ name: "odd link", kind: "symlink", target: Uint8Array.of(0xfe, 0x2f, 0x2e) }),
    odd({ name: "pipe", kind: "fifo", mode: 0o600 }),
    odd({ name: "null", kind: "character_device", device: 0x103 }),
    // Major 259, minor 1_048_575.
    odd({ name: "disk", kind: "block_device", device: 0xfff1_03ff }),
    odd({ name: long }),
    directoryOf(long + "d", "deep"),
  ].map((entry) => ({ ...entry, uid: entry.uid ?? 7 }))
  const contents = new TreeContents({ root: oddEntries.slice(0, -1), deep: [odd({ name: "x" })] })

  it("keeps every odd name, time, owner, mode, target and device", async () => {
    const { directory, status } = untar(await tarOf(contents, directoryOf("top", "root")))
    expect(status).toBe(0)
    const found = new Map(unpackedIn(directory).map((entry) => [entry.path, entry]))
    for (const entry of inRoot()) {
      const path = Buffer.concat([Buffer.from("top/"), entry.name]).toString("hex")
      expect(found.get(path)).toMatchObject({
        owner: `${entry.uid}:${entry.gid}`,
        mode: entry.kind === "symlink" ? "0777" : (entry.mode ?? 0).toString(8).padStart(4, "0"),
        mtimeNs: String(entry.modified),
        ...(entry.target === undefined ? {} : { target: Buffer.from(entry.target).toString("hex") }),
        ...(entry.device === undefined ? {} : { device: entry.device }),
      })
    }
    expect(found.size).toBe(oddEntries.length)
  })

  function inRoot(): SnapshotEntry[] {
    return oddEntries.slice(0, -1)
  }

  it("is read by others, too: Python's tarfile and tar-stream", async () => {
    const file = await tarOf(contents, directoryOf("top", "root"))
    const script =
      "import tarfile,sys;print([m.name.encode('utf-8','surrogateescape').hex() for m in tarfile.open(sys.argv[1])])"
    const printed = execFileSync("python3", ["-c", script, file], { encoding: "utf8" })
    const names = JSON.parse(printed.replaceAll("'", '"')) as string[]
    const expected = ["top", ...inRoot().map(({ name }) => `top/${Buffer.from(name).toString("latin1")}`)]
    expect(names.map((hex) => Buffer.from(hex, "hex").toString("latin1")).sort()).toEqual(expected.sort())
    let count = 0
    const reader = extract()
    reader.on("entry", (_header, stream, next) => {
      count++
      stream.on("end", next).resume()
    })
    await pipeline(
      Readable.from(archive(contents, directoryOf("top", "root"), { format: "tar", damaged: "stop" })),
      reader,
    )
    expect(count).toBe(expected.length)
  })

  it("leaves out sockets and what nobody knows, and says so", async () => {
    const some = new TreeContents({
      root: [odd({ name: "s", kind: "socket" }), odd({ name: "u", kind: "unknown" }), odd({ name: "f" })],
    })
    const { file, losses, problems } = await told(some, directoryOf("", "root"))
    expect([losses, problems]).toEqual([["s kind", "u kind"], []])
    expect(execFileSync("tar", ["-tf", file], { encoding: "utf8" })).toBe("f\n")
  })

  it("refuses the second of one name, which could lead out through a link", async () => {
    const evil = new TreeContents({
      root: [odd({ name: "a", kind: "symlink", target: Buffer.from("/etc") }), directoryOf("a", "sub")],
      sub: [odd({ name: "passwd" })],
    })
    const { file, problems } = await told(evil, directoryOf("", "root"))
    expect(problems).toEqual(["a corrupt"])
    expect(execFileSync("tar", ["-tf", file], { encoding: "utf8" })).toBe("a\n")
  })

  it("10,000 levels deep has every level", async () => {
    const deep = new TreeContents((id) =>
      Number(id) === 10_000 ? [] : [directoryOf("d", String(Number(id) + 1))],
    )
    let directories = 0
    let last = Buffer.alloc(0)
    for await (const piece of archive(deep, directoryOf("", "0"), { format: "tar", damaged: "stop" })) {
      last = Buffer.from(piece)
      if (piece.length > 1024 || (piece.length === 512 && piece[156] === 0x35)) directories++
    }
    expect(directories).toBe(10_000)
    expect(last).toEqual(Buffer.alloc(1024))
  })

  it("without an end is given up, and ends when somebody cancels", async () => {
    const endless = new TreeContents((id) =>
      ["a", "b"].map((name) => directoryOf(name, String(Number(id) + 1))),
    )
    await expect(tarOf(endless, directoryOf("", "0"), { mostEntries: 1_000 })).rejects.toMatchObject({
      code: "unsupported",
    })
    const cancel = new AbortController()
    const reason = new Error("enough")
    const pieces = archive(endless, directoryOf("", "0"), {
      format: "tar",
      damaged: "stop",
      signal: cancel.signal,
    })
    await pieces.next()
    cancel.abort(reason)
    const rest = async (): Promise<void> => {
      for await (const piece of pieces) expect(piece).toHaveLength(512)
    }
    await expect(rest()).rejects.toBe(reason)
  })
})

const MIB = 1024 * 1024

describe("damage in an archive", () => {
  const chunk = Buffer.alloc(MIB, 7)
  const large = (name: string, ids: readonly string[]): SnapshotEntry =>
    odd({ name, size: ids.length * MIB, content: ids })
  const ids = Array.from({ length: 20 }, (_, at) => `c${at}`)
  const files = (id: string): Uint8Array | undefined => (id.startsWith("c") ? chunk : undefined)
  const tree = {
    root: [
      odd({ name: "1 small", size: MIB, content: ["lost"] }),
      directoryOf("2 directory", "lost"),
      large("3 large", [...ids, "lost", "c1"]),
      large("4 fine", ids),
      odd({ name: "5 short", size: 20 * MIB, content: ["c1"] }),
      odd({ name: "6 fine", size: MIB, content: ["c1"] }),
    ],
  }
  const only = (name: string): TreeContents =>
    new TreeContents({ root: tree.root.filter((one) => Buffer.from(one.name).toString() === name) }, files)

  it.each(["1 small", "2 directory", "3 large"])(
    "breaks it off so that no reader takes it for whole: %s",
    async (name) => {
      const pieces: Uint8Array[] = []
      const reading = (async () => {
        for await (const piece of archive(only(name), directoryOf("", "root"), {
          format: "tar",
          damaged: "stop",
        }))
          pieces.push(piece)
      })()
      await expect(reading).rejects.toMatchObject({ code: "corrupt" })
      const file = join(scratch(), "broken.tar")
      writeFileSync(file, Buffer.concat(pieces))
      expect(Buffer.concat(pieces).subarray(-1024).equals(Buffer.alloc(1024))).toBe(false)
      expect(untar(file)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining("Unexpected EOF") as string,
      })
      const script = "import tarfile,sys;[m for m in tarfile.open(sys.argv[1])]"
      expect(spawnSync("python3", ["-c", script, file]).status).toBe(1)
    },
  )

  it("breaks it off where a file has less or more than is recorded", async () => {
    const more = new TreeContents({ root: [{ ...large("more", ids), size: 9 * MIB }] }, files)
    await expect(tarOf(more, directoryOf("", "root"))).rejects.toMatchObject({ code: "corrupt" })
    await expect(tarOf(only("5 short"), directoryOf("", "root"))).rejects.toMatchObject({ code: "corrupt" })
    const bomb = new TreeContents({ root: [{ ...large("bomb", ids), size: 1 }] }, files)
    await expect(tarOf(bomb, directoryOf("", "root"))).rejects.toMatchObject({ code: "corrupt" })
  })

  it("is left out when it is to be skipped, each told, and everything else is whole", async () => {
    const contents = new TreeContents(tree, files)
    const { file, problems } = await told(contents, directoryOf("", "root"), { damaged: "skip" })
    expect(problems).toEqual(["1 small corrupt", "2 directory corrupt", "3 large corrupt"])
    const { directory, status } = untar(file)
    expect(status).toBe(0)
    expect(
      unpackedIn(directory).map(({ path, size }) => [Buffer.from(path, "hex").toString(), size]),
    ).toEqual([
      ["2 directory", undefined],
      ["4 fine", 20 * MIB],
      ["5 short", MIB],
      ["6 fine", MIB],
    ])
  })

  it("of the first name of a file leaves its bytes to the second", async () => {
    let asked = 0
    const contents = new TreeContents(
      { root: ["a", "b", "c"].map((name) => odd({ name, size: MIB, content: ["x"], sameFile: "1" })) },
      () => (asked++ === 0 ? undefined : chunk),
    )
    const { file, problems } = await told(contents, directoryOf("", "root"), { damaged: "skip" })
    expect(problems).toEqual(["a corrupt"])
    const [b, c, ...others] = unpackedIn(untar(file).directory)
    expect([b?.inode, b?.size, others]).toEqual([c?.inode, MIB, []])
  })
})

describe("memory", () => {
  it("holds one content at a time, and reads no further than somebody takes", async () => {
    let made = 0
    const big = new TreeContents(
      {
        root: [
          odd({ name: "big", size: 4096 * MIB, content: Array.from({ length: 4096 }, (_, at) => `${at}`) }),
        ],
      },
      () => {
        made++
        return Buffer.alloc(MIB)
      },
    )
    let taken = 0
    for await (const piece of archive(big, directoryOf("", "root"), { format: "tar", damaged: "stop" })) {
      taken += piece.length
      expect(made * MIB - taken).toBeLessThanOrEqual(2 * MIB)
      if (taken > 200 * MIB) break
    }
    expect(made).toBeLessThanOrEqual(202)
  })
})
