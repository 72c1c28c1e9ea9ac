import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree, VolatileBlobMemory } from "../../../storage/blobs/index.js"
import { openKopia } from "../../../storage/kopia/index.js"
import { Secret } from "../../../storage/secret.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { failure, open, passwordOf, sharedKeys } from "./open.js"

/** A directory that tells what was read of it, and lets something happen in between. */
class WatchedTree extends DirectoryTree {
  readonly opened: string[] = []
  before: (what: "list" | "read", path: string) => void = () => undefined

  override async list(folder: string) {
    this.before("list", folder)
    return super.list(folder)
  }

  override async read(path: string, maxLength: number) {
    this.before("read", path)
    this.opened.push(path)
    return super.read(path, maxLength)
  }

  override async readRange(path: string, offset: number, length: number) {
    this.before("read", path)
    this.opened.push(path)
    return super.readRange(path, offset, length)
  }

  /** Paths read since the last call, without what every listing reads. */
  taken(): string[] {
    return this.opened.splice(0).filter((path) => path !== ".shards" && path !== "kopia.repository.f")
  }
}

function watched(directory: string, name: string, memory?: VolatileBlobMemory) {
  const tree = new WatchedTree(directory)
  const password = new Secret(passwordOf(name))
  const repository = openKopia({ files: tree, password, keys: sharedKeys, ...(memory && { memory }) })
  return { tree, repository }
}

/** The newest index blobs of a repository without compactions, taken out to be put back as if written later. */
function stash(directory: string, folder: string, count: number): (() => void)[] {
  const aside = scratch()
  const files = readdirSync(join(directory, folder)).slice(0, count)
  return files.map((file) => {
    renameSync(join(directory, folder, file), join(aside, file))
    return () => {
      renameSync(join(aside, file), join(directory, folder, file))
    }
  })
}

const name = "kopia/cluster-shared"

describe("a second listing", () => {
  it("reads nothing when nothing is new", async () => {
    const { tree, repository } = watched(fixture(name), name)
    const first = await repository.list()
    expect(tree.taken().length).toBeGreaterThan(50)
    const second = await repository.list({ previousMarks: first.marks })
    expect(tree.taken()).toEqual([])
    expect(second).toEqual(first)
  })

  it("reads only the new index blob and the manifests that it names", async () => {
    const directory = fixtureCopy(name)
    const [putBack] = stash(directory, "x/n0_", 1)
    const { tree, repository } = watched(directory, name)
    await repository.list()
    tree.taken()
    putBack?.()
    const listing = await repository.list()
    const taken = tree.taken()
    expect(taken.filter((path) => path.startsWith("x/"))).toHaveLength(1)
    expect(taken.length).toBeLessThan(10)
    expect(listing.snapshots).toEqual((await open(fixture(name), passwordOf(name)).list()).snapshots)
  })

  it("of a new process reads nothing that an earlier one remembered, and needs no packs' bytes", async () => {
    const memory = new VolatileBlobMemory()
    const first = await watched(fixture(name), name, memory).repository.list()
    const { tree, repository } = watched(fixture(name), name, memory)
    expect(await repository.list({ previousMarks: first.marks })).toEqual(first)
    expect(tree.taken()).toEqual([])
  })

  it("reads what is remembered wrongly from the repository", async () => {
    const memory = new VolatileBlobMemory()
    const recall = memory.recall.bind(memory)
    memory.recall = (kind, blob, length) => recall(kind, blob, length) && Buffer.from("[not ours")
    const first = await watched(fixture(name), name, memory).repository.list()
    const second = await watched(fixture(name), name, memory).repository.list()
    expect(second.snapshots).toEqual(first.snapshots)
  })

  it("sees a snapshot go when the blob that deletes it arrives", async () => {
    const directory = fixtureCopy("kopia/deleted-maintained")
    const known = await open(directory, passwordOf("kopia/deleted-maintained")).list()
    const aside = scratch()
    const { repository } = watched(directory, "kopia/deleted-maintained")
    // Which blob deletes is told by what comes back without it.
    for (const file of readdirSync(join(directory, "x/n0_"))) {
      renameSync(join(directory, "x/n0_", file), join(aside, file))
      const without = await repository.list().catch(() => known)
      renameSync(join(aside, file), join(directory, "x/n0_", file))
      if (without.snapshots.length > known.snapshots.length) {
        const after = await repository.list({ previousMarks: without.marks })
        expect(after.snapshots).toEqual(known.snapshots)
        return
      }
    }
    throw new Error("no blob of the fixture deletes a snapshot")
  })
})

describe("reading while a writer writes", () => {
  it("takes a listing only when a second one names the same blobs", async () => {
    const directory = fixtureCopy(name)
    const late = stash(directory, "x/n0_", 3)
    const { tree, repository } = watched(directory, name)
    let lists = 0
    tree.before = (what, path) => {
      if (what === "list" && path === "" && ++lists > 1) late.pop()?.()
    }
    expect((await repository.list()).snapshots).toEqual(
      (await open(fixture(name), passwordOf(name)).list()).snapshots,
    )
  })

  it("gives up as unstable when it never stands still", async () => {
    const directory = fixtureCopy(name)
    const late = stash(directory, "x/n0_", 30)
    const { tree, repository } = watched(directory, name)
    tree.before = (what, path) => {
      if (what === "list" && path === "") late.pop()?.()
    }
    expect(await failure(repository.list())).toMatchObject({ code: "unstable" })
    for (const putBack of late) putBack()
    late.length = 0
    expect((await repository.list()).snapshots).toHaveLength(63)
  })

  it("reads a half-written index blob again before it says a word", async () => {
    const directory = fixtureCopy(name)
    const file = `x/n0_/${readdirSync(join(directory, "x/n0_"))[7] ?? ""}`
    const whole = readFileSync(join(directory, file))
    writeFileSync(join(directory, file), whole.subarray(0, 100))
    const { tree, repository } = watched(directory, name)
    let rounds = 0
    tree.before = (what, path) => {
      if (what === "list" && path === "" && ++rounds === 3) writeFileSync(join(directory, file), whole)
    }
    expect((await repository.list()).snapshots).toHaveLength(63)
  })

  it("lists anew when an index blob vanishes between listing and reading", async () => {
    const directory = fixtureCopy("kopia/epochs")
    const expected = (await open(directory, passwordOf("kopia/epochs")).list()).snapshots
    const { tree, repository } = watched(directory, "kopia/epochs")
    // Before its cleanup the epoch had uncompacted blobs; their last reader meets them gone.
    const aside = scratch()
    const [single] = readdirSync(join(directory, "x/s6_"))
    renameSync(join(directory, "x/s6_", single ?? ""), join(aside, "single"))
    tree.before = (what, path) => {
      if (what !== "read" || !path.startsWith("x/n6_")) return
      tree.before = () => undefined
      renameSync(join(aside, "single"), join(directory, "x/s6_", single ?? ""))
      rmSync(join(directory, "x/n6_"), { recursive: true })
    }
    expect((await repository.list()).snapshots).toEqual(expected)
  })

  it("stops when it is told to", async () => {
    const stop = new AbortController()
    const { tree, repository } = watched(fixture(name), name)
    tree.before = (what, path) => {
      if (what === "read" && path.startsWith("x/")) stop.abort()
    }
    await expect(repository.list({ signal: stop.signal })).rejects.toThrow("aborted")
    tree.before = () => undefined
    expect((await repository.list()).snapshots).toHaveLength(63)
  })

  it("answers two calls at once with the same", async () => {
    const { repository } = watched(fixture(name), name)
    const [a, b] = await Promise.all([repository.list(), repository.list()])
    expect(a).toEqual(b)
  })
})

describe("index blobs that counted before", () => {
  const epochs = "kopia/epochs"

  it("may be replaced by a compaction of their epoch", async () => {
    const directory = fixtureCopy(epochs)
    const aside = scratch()
    const [single] = readdirSync(join(directory, "x/s6_"))
    renameSync(join(directory, "x/s6_", single ?? ""), join(aside, "single"))
    const before = await open(directory, passwordOf(epochs)).list()
    expect(before.marks.filter((mark) => mark.startsWith("xn6_")).length).toBeGreaterThan(5)
    renameSync(join(aside, "single"), join(directory, "x/s6_", single ?? ""))
    rmSync(join(directory, "x/n6_"), { recursive: true })
    const after = await open(directory, passwordOf(epochs)).list({ previousMarks: before.marks })
    expect(after.snapshots).toEqual(before.snapshots)
  })

  it("are missed when the repository goes back to an earlier state", async () => {
    const directory = fixtureCopy(epochs)
    const { marks } = await open(directory, passwordOf(epochs)).list()
    rmSync(join(directory, "x/n9_"), { recursive: true })
    rmSync(join(directory, "xe9.f"))
    const fresh = await open(directory, passwordOf(epochs)).list()
    expect(fresh.snapshots.length).toBeGreaterThan(0)
    expect(await failure(open(directory, passwordOf(epochs)).list({ previousMarks: marks }))).toMatchObject({
      code: "index_lost",
      facts: { blob: expect.stringMatching(/^xn9_/) as string },
    })
  })

  it("of another repository say nothing of this one", async () => {
    const { marks } = await open(fixture(epochs), passwordOf(epochs)).list()
    const other = await open(fixture(name), passwordOf(name)).list({ previousMarks: marks })
    expect(other.snapshots).toHaveLength(63)
  })

  describe("whose compaction's log was cleaned away since", () => {
    const format1 = "kopia/format-1"

    /** Marks of all index blobs, those that were compacted and what came of it; `clean` removes the former. */
    async function compactedUnseen(memory?: VolatileBlobMemory) {
      const directory = fixtureCopy(format1)
      const logs = readdirSync(directory).filter((folder) => /^m[0-9a-f]{2}$/.test(folder))
      expect(logs.length).toBeGreaterThan(0)
      const compacted = await open(directory, passwordOf(format1)).list()
      const stillLive = new Set(compacted.marks.map((mark) => mark.split(" ")[0]))
      const aside = scratch()
      for (const folder of logs) renameSync(join(directory, folder), join(aside, folder))
      // Without the log, its inputs and its output all count; with it, the inputs are superseded and may go.
      const { marks } = await open(directory, passwordOf(format1), memory).list()
      const inputs = marks.slice(1).flatMap((mark) => {
        const id = mark.split(" ")[0] ?? ""
        return stillLive.has(id) ? [] : [id]
      })
      expect(inputs.length).toBeGreaterThan(0)
      const clean = (): void => {
        for (const id of inputs) rmSync(join(directory, id.slice(0, 3), id.slice(3, 6), id.slice(6) + ".f"))
      }
      return { directory, logs, aside, compacted, marks, clean }
    }

    it("are no loss if all they said is still said", async () => {
      const memory = new VolatileBlobMemory()
      const { directory, compacted, marks, clean } = await compactedUnseen(memory)
      clean()
      const after = await open(directory, passwordOf(format1), memory).list({ previousMarks: marks })
      expect(after.snapshots).toEqual(compacted.snapshots)
      const withoutMemory = await failure(open(directory, passwordOf(format1)).list({ previousMarks: marks }))
      expect(withoutMemory.code).toBe("index_lost")
    })

    it("are no loss if the log was met meanwhile, whatever they said", async () => {
      const { directory, logs, aside, compacted, marks, clean } = await compactedUnseen()
      for (const folder of logs) renameSync(join(aside, folder), join(directory, folder))
      const repository = open(directory, passwordOf(format1))
      await repository.list()
      for (const folder of logs) rmSync(join(directory, folder), { recursive: true })
      clean()
      const after = await repository.list({ previousMarks: marks })
      expect(after.snapshots).toEqual(compacted.snapshots)
    })
  })
})

describe("what is remembered of the password", () => {
  it("saves the stretching, and is replaced when it does not fit", async () => {
    const kept = new Map<string, Uint8Array>()
    const keys = {
      recall: async (label: string) => kept.get(label),
      remember: async (label: string, _: Secret, key: Uint8Array) => {
        kept.set(label, key)
      },
    }
    const list = () =>
      openKopia({
        files: new DirectoryTree(fixture(name)),
        password: new Secret(` ${passwordOf(name)}\n`),
        keys,
      }).list()
    const { repositoryId } = await list()
    const label = `kopia:${repositoryId}:scrypt-65536-8-1`
    const key = kept.get(label)
    expect(key).toHaveLength(32)
    kept.set(label, new Uint8Array(32))
    await list()
    expect(kept.get(label)).toEqual(key)
  })
})
