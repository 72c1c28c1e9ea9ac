import {
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree, type FileTree } from "../../../storage/blobs/index.js"
import { StorageError } from "../../../storage/index.js"
import type { VerifyMemory, VerifyResult } from "../../../storage/verify/index.js"
import { filesBelow, flipBit } from "../../support/damage.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { mountFailingDisk } from "../../support/mounts.js"
import { runRestic } from "../../support/programs.js"
import { writeSyntheticKopia } from "../../support/synthetic-kopia.js"
import { passwordOf, verified } from "./verified.js"

const DAY_MS = 86_400_000

function memory(): VerifyMemory & { image: Uint8Array | undefined } {
  return {
    image: undefined,
    load() {
      return Promise.resolve(this.image)
    },
    save(bytes) {
      this.image = bytes
      return Promise.resolve()
    },
  }
}

/** Fails in the first MiB of the largest pack, as a disk does; everything else is read. */
function failingDisk(directory: string, pattern: RegExp, code: "io" | "timeout"): FileTree {
  const tree = new DirectoryTree(directory)
  const [largest = ""] = filesBelow(directory, pattern).sort((a, b) => statSync(b).size - statSync(a).size)
  return {
    location: tree.location,
    list: (folder) => tree.list(folder),
    names: (folder) => tree.names(folder),
    read: (path, most) => tree.read(path, most),
    stat: (path) => tree.stat(path),
    readRange(path, offset, length) {
      const isBad = join(directory, path) === largest && offset < 100_000 && offset + length > 90_000
      if (isBad) return Promise.reject(new StorageError(code, `${path}: EIO`, { facts: { file: path } }))
      return tree.readRange(path, offset, length)
    },
  }
}

function flipAt(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

/** A repository in which one content lies in two packs, as two movers leave it that store the same at once; and one of the two. */
function doubled(): { readonly directory: string; readonly copy: string } {
  const [directory, other] = [fixtureCopy("restic/two-keys"), fixtureCopy("restic/two-keys")]
  const source = scratch()
  writeFileSync(join(source, "file"), "the same in both")
  const known = new Set(filesBelow(directory, /^data\//).map((file) => relative(directory, file)))
  for (const one of [directory, other]) runRestic(one, DOUBLED_PASSWORD, "backup", source)
  cpSync(other, directory, { recursive: true, force: false })
  const packs = filesBelow(other, /^data\//).map((file) => relative(other, file))
  const bySize = (one: string, two: string): number =>
    statSync(join(directory, one)).size - statSync(join(directory, two)).size
  const [smallest = ""] = packs.filter((file) => !known.has(file)).sort(bySize)
  return { directory, copy: join(directory, smallest) }
}

const DOUBLED_PASSWORD = "first password"

describe("with a memory, a second verify", () => {
  it("after one new snapshot reads only what is new", async () => {
    const kopia = writeSyntheticKopia(join(scratch(), "kopia"), {
      password: "p",
      snapshots: 300,
      identities: 100,
    })
    const kept = memory()
    const first = await verified(kopia.directory, "p", { memory: kept })
    expect(first).toMatchObject({ ok: true, counts: { directories: 100, contents: 101 } })
    const [identity] = kopia.identities
    if (identity === undefined) throw new Error("no identity")
    kopia.appendSnapshot(identity)
    const second = await verified(kopia.directory, "p", { memory: kept })
    expect(second).toMatchObject({
      ok: true,
      counts: { directories: 1, contents: 103, read: 1, remembered: 101 },
    })
    expect(second.snapshots).toHaveLength(301)
  })

  it.each(["kopia/format-3", "restic/v2-by-0.18"])(
    "of %s reads nothing, and everything again after some days",
    async (name) => {
      const kept = memory()
      const first = await verified(fixture(name), passwordOf(name), { memory: kept })
      const again = await verified(fixture(name), passwordOf(name), { memory: kept })
      expect(again.counts).toMatchObject({
        read: 0,
        bytesRead: 0,
        directories: 0,
        contents: first.counts.contents,
      })
      const later = { memory: kept, now: () => Date.now() + 31 * DAY_MS }
      const aged = await verified(fixture(name), passwordOf(name), later)
      expect(aged.counts).toMatchObject({ read: first.counts.read, directories: first.counts.directories })
    },
  )

  it.each(["kopia/format-3", "restic/v2-by-0.18"])(
    "of %s still sees a pack that was cut since",
    async (name) => {
      const directory = fixtureCopy(name)
      const kept = memory()
      await verified(directory, passwordOf(name), { memory: kept })
      const packs = filesBelow(directory, name.startsWith("kopia") ? /^p/ : /^data\/../)
      const [largest = ""] = packs.sort((a, b) => statSync(b).size - statSync(a).size)
      truncateSync(largest, 4096)
      const second = await verified(directory, passwordOf(name), { memory: kept })
      expect(second.ok).toBe(false)
      expect(second.snapshots.some(({ reasons }) => reasons.includes("truncated"))).toBe(true)
    },
  )

  it("believes nothing of a memory that is damaged or another repository's", async () => {
    const kept = memory()
    const whole = await verified(fixture("kopia/format-3"), passwordOf("kopia/format-3"), { memory: kept })
    const other = await verified(fixture("kopia/format-2"), passwordOf("kopia/format-2"), {
      memory: { ...kept, save: () => Promise.resolve() },
    })
    expect(other.counts.remembered).toBe(0)
    const image = Buffer.from(kept.image ?? [])
    image[30] = (image[30] ?? 0) ^ 1
    const damaged = await verified(fixture("kopia/format-3"), passwordOf("kopia/format-3"), {
      memory: { load: () => Promise.resolve(image), save: () => Promise.resolve() },
    })
    expect(damaged.counts).toMatchObject({ remembered: 0, read: whole.counts.read })
  })
})

describe.each([
  ["kopia/format-3", /^p/],
  ["restic/v2-by-0.18", /^data\/../],
] as const)("of %s", (name, packs) => {
  it("a disk that fails in the middle of a pack is told apart from damage", async () => {
    const directory = fixture(name)
    const result = await verified(directory, passwordOf(name), { files: failingDisk(directory, packs, "io") })
    expect(result.ok).toBe(false)
    expect(new Set(result.bad.map(({ code }) => code))).toEqual(new Set(["io"]))
    const damaged = result.snapshots.filter(({ ok }) => !ok)
    expect(damaged.length).toBeGreaterThan(0)
    for (const { reasons } of damaged) expect(reasons).toEqual(["io"])
  })

  it("a filesystem that does not answer is no damage at all", async () => {
    const directory = fixture(name)
    const files = failingDisk(directory, packs, "timeout")
    await expect(verified(directory, passwordOf(name), { files })).rejects.toMatchObject({ code: "timeout" })
  })

  it("a run that is called off ends, and what it read is not read again", async () => {
    const kept = memory()
    const stop = new AbortController()
    const run = verified(fixture(name), passwordOf(name), {
      memory: kept,
      signal: stop.signal,
      progress: ({ phase, items }) => {
        if (phase === "contents" && items > 0) stop.abort()
      },
    })
    await expect(run).rejects.toMatchObject({ name: "AbortError" })
    const rest = await verified(fixture(name), passwordOf(name), { memory: kept })
    expect(rest.counts.remembered).toBeGreaterThan(0)
    expect(rest.ok).toBe(true)
  })
})

describe("while the repository is read", () => {
  const name = "restic/v2-by-0.18"

  it("a prune has it read anew, and nothing is called damaged", async () => {
    const directory = fixtureCopy(name)
    let isPruned = false
    const result = await verified(directory, passwordOf(name), {
      progress: ({ phase }) => {
        if (phase !== "packs" || isPruned) return
        isPruned = true
        runRestic(
          directory,
          passwordOf(name),
          "forget",
          "--group-by",
          "",
          "--keep-last",
          "1",
          "--prune",
          "--max-unused",
          "0",
        )
      },
    })
    expect(isPruned).toBe(true)
    expect(result).toMatchObject({ ok: true, bad: [], counts: { rounds: 2 } })
    expect(result.snapshots).toHaveLength(1)
  })

  it("a change at every look is said, and is no damage", async () => {
    const directory = fixtureCopy(name)
    const bySize = (one: string, other: string): number => statSync(other).size - statSync(one).size
    const [largest = ""] = filesBelow(directory, /^data\/../).sort(bySize)
    const away = `${largest}.away`
    truncateSync(largest, 4096)
    const run = verified(directory, passwordOf(name), {
      level: "reachable",
      progress: ({ phase }) => {
        if (phase !== "packs") return
        if (existsSync(largest)) renameSync(largest, away)
        else renameSync(away, largest)
      },
    })
    await expect(run).rejects.toMatchObject({ code: "unstable" })
  })

  it("a disk that fails is told as such, and nothing of it is kept as damage", async () => {
    const place = join(scratch(), "disk")
    const disk = mountFailingDisk(place, 16)
    const directory = join(place, "repository")
    cpSync(fixture(name), directory, { recursive: true, preserveTimestamps: true })
    const kept = memory()
    let hasFailed = false
    const run = verified(directory, passwordOf(name), {
      memory: kept,
      progress: ({ phase }) => {
        if (phase !== "packs" || hasFailed) return
        hasFailed = true
        disk.fail()
      },
    })
    const result = await run.catch((error: unknown) => error)
    expect(hasFailed).toBe(true)
    // All of it, so that nothing can be said; or some packs, of which nothing but that is said.
    if (result instanceof StorageError) expect(result.code).toBe("io")
    else expect((result as VerifyResult).bad.map(({ code }) => code)).toContain("io")
    const whole = await verified(fixture(name), passwordOf(name), { memory: kept })
    expect(whole).toMatchObject({ ok: true, bad: [] })
  })
})

describe("what is wrong with a pack and costs nothing", () => {
  it.each([
    ["kopia/format-3", /^p/],
    ["kopia/format-3", /^q/],
    ["restic/v2-by-0.18", /^data\/../],
  ] as const)(
    "of %s, %s, is its end; every deep verify tells of it, however much is remembered",
    async (name, packs) => {
      const directory = fixtureCopy(name)
      const kept = memory()
      const ends = filesBelow(directory, packs)
      for (const file of ends) flipAt(file, statSync(file).size - 6)
      const told = ends.map((file) => ({ blob: relative(directory, file), code: "damaged_end", contents: 0 }))
      for (let run = 0; run < 2; run++) {
        const result = await verified(directory, passwordOf(name), { memory: kept })
        expect(result.ok).toBe(false)
        // A pack of which nothing is needed is not read.
        expect(result.bad.length).toBeGreaterThan(0)
        expect(told).toEqual(expect.arrayContaining([...result.bad]))
        expect(result.snapshots.every(({ ok }) => ok)).toBe(true)
      }
    },
  )

  it("is a copy of what lies whole in another pack", async () => {
    const { directory, copy } = doubled()
    const kept = memory()
    const bad = [{ blob: relative(directory, copy), code: "corrupt", contents: 0 }]
    flipAt(copy, 20)
    for (let run = 0; run < 2; run++) {
      const result = await verified(directory, DOUBLED_PASSWORD, { memory: kept })
      expect(result).toMatchObject({ ok: false, bad })
      expect(result.snapshots.every(({ ok }) => ok)).toBe(true)
    }
  })
})

describe("a pack that no index names", () => {
  it("is told of once no writer can have left it just now, and is no damage", async () => {
    const directory = fixtureCopy("restic/many-indexes")
    const password = passwordOf("restic/many-indexes")
    const [index = ""] = filesBelow(directory, /^index\//)
    rmSync(index)
    const young = await verified(directory, password, { level: "reachable" })
    expect(young.bad.some(({ code }) => code === "not_indexed")).toBe(true)
    for (const pack of filesBelow(directory, /^data\/../))
      utimesSync(pack, new Date(), new Date(Date.now() - 60_000))
    expect((await verified(directory, password, { level: "reachable" })).unindexed).toEqual([])
    const old = await verified(directory, password, {
      level: "reachable",
      now: () => Date.now() + 10 * DAY_MS,
    })
    expect(old.unindexed.length).toBeGreaterThan(0)
  })

  it("of Kopia is what is left to see of an index blob that was lost", async () => {
    const kopia = writeSyntheticKopia(join(scratch(), "kopia"), {
      password: "p",
      snapshots: 5,
      identities: 5,
    })
    const [identity] = kopia.identities
    if (identity === undefined) throw new Error("no identity")
    const before = new Set(filesBelow(kopia.directory, /^x/))
    kopia.appendSnapshot(identity)
    for (const index of filesBelow(kopia.directory, /^x/)) if (!before.has(index)) rmSync(index)
    const later = { now: () => Date.now() + 10 * DAY_MS }
    const result = await verified(kopia.directory, "p", later)
    expect(result).toMatchObject({ ok: true, bad: [] })
    expect(result.unindexed).toHaveLength(2)
    const soon = await verified(kopia.directory, "p")
    expect(soon.unindexed).toEqual([])
  })
})

describe("damage that no snapshot needs", () => {
  it.each(["kopia/format-3", "restic/v2-by-0.18"])(
    "of %s is told again by each verify that has a memory",
    async (name) => {
      const directory = fixtureCopy(name)
      const packs = filesBelow(directory, name.startsWith("kopia") ? /^p/ : /^data\/../)
      const [largest = ""] = packs.sort((a, b) => statSync(b).size - statSync(a).size)
      // What an engine writes behind the contents: restic's header, Kopia's own index of the pack.
      flipBit(largest, statSync(largest).size - 8)
      const kept = memory()
      for (const time of ["first", "second"]) {
        const result = await verified(directory, passwordOf(name), { memory: kept })
        expect(result.bad, time).toMatchObject([{ code: "damaged_end", contents: 0 }])
        expect(result.snapshots.every(({ ok }) => ok)).toBe(true)
        expect(result.ok).toBe(false)
      }
      const last = await verified(directory, passwordOf(name), { memory: kept })
      expect(last.counts.read).toBeLessThan(last.counts.contents)
    },
  )
})

describe("a verify", () => {
  it("waits where it is told to pause, in every phase", async () => {
    const name = "restic/v2-by-0.18"
    const paused = new Set<string>()
    let phase = ""
    await verified(fixture(name), passwordOf(name), {
      progress: (progress) => {
        phase = progress.phase
      },
      pause: () => {
        paused.add(phase)
        return Promise.resolve()
      },
    })
    expect([...paused].sort()).toEqual(["contents", "indexes", "packs", "trees"])
  })

  it("fails where its reading threads are not installed, instead of reading slowly without a word", async () => {
    const name = "restic/v2-by-0.18"
    const failing = verified(fixture(name), passwordOf(name), { threads: 2, directory: fixture(name) })
    await expect(failing).rejects.toMatchObject({
      code: "missing",
      hint: expect.stringContaining("install") as string,
    })
  })
})
