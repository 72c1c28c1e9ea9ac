import { execFileSync, spawnSync } from "node:child_process"
import { createWriteStream, readFileSync } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { describe, expect, it } from "vitest"
import { archive, type ArchiveLoss, type ArchiveOptions } from "../../../storage/browse/index.js"
import type { SnapshotContents, SnapshotEntry, StorageError } from "../../../storage/index.js"
import { scratch } from "../../support/fixtures.js"
import { openedFixture } from "../../support/opened-fixture.js"
import { readAll, shown } from "../../support/restored.js"
import { directoryOf, entryOf, TreeContents } from "../../support/tree-contents.js"
import { unpackedIn } from "../../support/unpacked.js"

const MIB = 1024 * 1024

interface Zipped {
  readonly file: string
  readonly problems: readonly string[]
  readonly losses: readonly string[]
}

async function zipOf(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: Partial<ArchiveOptions> = {},
): Promise<Zipped> {
  const [problems, losses]: [string[], string[]] = [[], []]
  const file = join(scratch(), "archive.zip")
  const pieces = archive(contents, directory, {
    format: "zip",
    damaged: "stop",
    onProblem: (path: Uint8Array, { code }: StorageError) =>
      problems.push(`${Buffer.from(path).toString("latin1")} ${code}`),
    onLoss: (path: Uint8Array, loss: ArchiveLoss) =>
      losses.push(`${Buffer.from(path).toString("latin1")} ${loss}`),
    ...options,
  })
  await pipeline(Readable.from(pieces), createWriteStream(file))
  return { file, problems, losses }
}

/** Unpacks with the real unzip, in UTC. */
function unzip(file: string): { directory: string; status: number | null } {
  const directory = scratch()
  const environment = { ...process.env, TZ: "UTC", LANG: "C.UTF-8", LC_ALL: "C.UTF-8" }
  const { status } = spawnSync("unzip", ["-q", "-o", "-K", "-X", "-^", file, "-d", directory], {
    env: environment,
  })
  return { directory, status }
}

/** Names, checked sums and types by Python's reader. */
function namesIn(file: string): string[] {
  const script =
    "import zipfile,sys,json\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(json.dumps(z.namelist()))"
  return JSON.parse(
    execFileSync("python3", ["-c", script, file], { encoding: "utf8", maxBuffer: 64 * MIB }),
  ) as string[]
}

describe("a snapshot as a zip file", () => {
  it.each(["restic/full-tree-by-0.19", "kopia/full-tree"])(
    "is unpacked by the real unzip to what the engine restores: %s",
    async (name) => {
      const { contents, snapshots } = await openedFixture(name)
      const snapshot = snapshots.at(-1)
      if (snapshot === undefined) throw new Error("no snapshot")
      const read = await readAll(contents, snapshot)
      const { file, losses, problems } = await zipOf(contents, contents.root(snapshot))
      expect(problems).toEqual([])
      const { directory, status } = unzip(file)
      expect(status).toBe(0)
      const unpacked = new Map(unpackedIn(directory).map((entry) => [entry.path, entry]))
      let compared = 0
      for (const entry of shown(read, { directoryTimes: true })) {
        const path = Buffer.from(entry.path, "hex")
        const isText = !losses.includes(`${path.toString("latin1")} name`)
        if (!isText || entry.type === "p") continue
        const found = unpacked.get(entry.path)
        expect(found).toMatchObject({
          type: entry.type,
          mode: entry.mode,
          owner: entry.owner,
          ...(entry.sha256 === undefined ? {} : { sha256: entry.sha256 }),
          ...(entry.target === undefined ? {} : { target: entry.target }),
        })
        const seconds = Math.floor(Number(entry.mtimeNs) / 1e9)
        if (entry.type === "f" && seconds > 315_532_800 && seconds < 0x7fff_ffff)
          expect(Math.floor(Number(found?.mtimeNs) / 1e9)).toBe(seconds)
        compared++
      }
      expect(compared).toBeGreaterThan(1_000)
      expect(namesIn(file)).toHaveLength(read.filter(({ entry }) => entry.kind !== "fifo").length)
      const lost = new Set(losses.map((line) => line.split(" ").at(-1)))
      expect(lost).toEqual(
        name.startsWith("kopia/") ? new Set(["name"]) : new Set(["attributes", "hard_link", "kind", "name"]),
      )
    },
  )
})

const file = (name: string | Uint8Array, more: Partial<SnapshotEntry> = {}): SnapshotEntry =>
  entryOf({ name, ...more })

describe("a zip file", () => {
  it("has other names for what is no name elsewhere, and no two become one", async () => {
    const names = [
      "a\\b",
      "a%5Cb",
      "..\\up",
      "C:",
      "100%",
      Uint8Array.of(0xff, 0x25, 0x41, 0x42),
      "%FF%25AB",
      "ü",
    ]
    const contents = new TreeContents({ root: names.map((name) => file(name)) })
    const { file: zip, losses } = await zipOf(contents, directoryOf("", "root"))
    expect(namesIn(zip).sort()).toEqual(
      ["a%5Cb", "a%255Cb", "..%5Cup", "C%3A", "100%", "%FF%25AB", "%25FF%2525AB", "ü"].sort(),
    )
    expect(losses).toHaveLength(6)
    expect(unzip(zip).status).toBe(0)
  })

  it("leaves out devices, FIFOs and sockets, and says so", async () => {
    const contents = new TreeContents({
      root: (["fifo", "socket", "block_device", "character_device", "unknown"] as const).map((kind) =>
        file(kind, { kind }),
      ),
    })
    const { file: zip, losses } = await zipOf(contents, directoryOf("d", "root"))
    expect(losses).toHaveLength(5)
    expect(namesIn(zip)).toEqual(["d/"])
  })

  it("says of a path that is too long that it has no place", async () => {
    const contents = new TreeContents((id) =>
      Number(id) === 300 ? [file("f")] : [directoryOf("d".repeat(250), String(Number(id) + 1))],
    )
    const { file: zip, problems } = await zipOf(contents, directoryOf("", "0"))
    expect(problems).toHaveLength(300 - 261 + 1 /* the file, too */)
    expect(namesIn(zip)).toHaveLength(261)
  })

  it("takes times before 1970 and after 2038 as the nearest that it holds", async () => {
    const times = [-5_000_000_000n, 8_000_000_000_000_000_000n]
    const contents = new TreeContents({ root: times.map((modified, at) => file(String(at), { modified })) })
    expect(namesIn((await zipOf(contents, directoryOf("", "root"))).file)).toEqual(["0", "1"])
  })

  it("refuses the second of one name", async () => {
    const contents = new TreeContents({
      root: [file("a", { kind: "symlink", target: Buffer.from("/etc") }), directoryOf("a", "sub")],
      sub: [file("passwd")],
    })
    const { file: zip, problems } = await zipOf(contents, directoryOf("", "root"))
    expect([problems, namesIn(zip)]).toEqual([["a corrupt"], ["a"]])
  })

  it("of nothing is one", async () => {
    const { file: zip } = await zipOf(new TreeContents({ root: [] }), directoryOf("", "root"))
    expect(namesIn(zip)).toEqual([])
  })

  it("has 70,000 entries", async () => {
    const contents = new TreeContents({ root: Array.from({ length: 70_000 }, (_, at) => file(`f${at}`)) })
    const { file: zip } = await zipOf(contents, directoryOf("", "root"))
    expect(namesIn(zip)).toHaveLength(70_000)
  })
})

describe("damage in a zip file", () => {
  const ids = Array.from({ length: 12 }, (_, at) => `c${at}`)
  const files = (id: string): Uint8Array | undefined =>
    id.startsWith("c") ? Buffer.alloc(MIB, id) : undefined
  const entries = {
    small: file("small", { size: 1, content: ["lost"] }),
    large: file("large", { size: 14 * MIB, content: [...ids, "lost", "c1"] }),
    fine: file("fine", { size: 12 * MIB, content: ids }),
  }

  it.each(["small", "large"] as const)(
    "breaks it off, without the list that makes it a zip file: %s",
    async (which) => {
      const contents = new TreeContents({ root: [entries.fine, entries[which]] }, files)
      const pieces: Uint8Array[] = []
      const reading = (async () => {
        for await (const piece of archive(contents, directoryOf("", "root"), {
          format: "zip",
          damaged: "stop",
        }))
          pieces.push(piece)
      })()
      await expect(reading).rejects.toMatchObject({ code: "corrupt" })
      expect(Buffer.concat(pieces).includes(Buffer.from("PK\x05\x06"))).toBe(false)
    },
  )

  it("is left out when it is to be skipped, and told", async () => {
    const contents = new TreeContents({ root: Object.values(entries) }, files)
    const { file: zip, problems } = await zipOf(contents, directoryOf("", "root"), { damaged: "skip" })
    expect(problems).toEqual(["large corrupt", "small corrupt"])
    const { directory } = unzip(zip)
    const fine = Buffer.concat(ids.map((id) => Buffer.alloc(MIB, id)))
    expect(readFileSync(join(directory, "fine")).equals(fine)).toBe(true)
  })
})

describe("memory", () => {
  it("holds little, and nothing goes on when nobody reads any more", async () => {
    let made = 0
    const noise = Buffer.from(Array.from({ length: MIB }, (_, at) => (at * 7919 * (at % 251)) % 256))
    const content = Array.from({ length: 4096 }, (_, at) => `${at}`)
    const contents = new TreeContents({ root: [file("big", { size: 4096 * MIB, content })] }, () => {
      made++
      return noise
    })
    let taken = 0
    for await (const piece of archive(contents, directoryOf("", "root"), {
      format: "zip",
      damaged: "stop",
    })) {
      taken += piece.length
      if (made >= 20) break
    }
    expect(taken).toBeGreaterThan(0)
    const before = made
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    expect(made).toBe(before)
    expect(made).toBeLessThan(25)
  })
})
