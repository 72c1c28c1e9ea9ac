import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree, VolatileBlobMemory } from "../../../storage/blobs/index.js"
import { StorageError, type StorageErrorCode } from "../../../storage/errors.js"
import { parseTime } from "../../../storage/instant.js"
import type { KeyMemory } from "../../../storage/repository.js"
import { looksLikeRestic, openRestic } from "../../../storage/restic/index.js"
import { openKeyFile, parseKeyFile } from "../../../storage/restic/key-file.js"
import { Secret } from "../../../storage/secret.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { FaultyTree } from "./faulty-tree.js"
import { open } from "./restic-fixtures.js"
import { knownRepository, putHashNamed, seal } from "./sealing.js"
import { DERIVED, KEY_JSON, KEY_NAME, SNAPSHOT, SNAPSHOT_NAME } from "./vectors.js"

const PASSWORD = new Secret("test")
const STRANGER = "7".repeat(64)

function masterKey() {
  const key = openKeyFile(parseKeyFile(Buffer.from(KEY_JSON), KEY_NAME), DERIVED)
  if (key === undefined) throw new Error("the known key file does not open")
  return key
}

const sealedJson = (value: unknown) => seal(masterKey(), Buffer.from(JSON.stringify(value)))
const snapshotJson = (time: string) => ({ time, tree: STRANGER, paths: ["/data"], hostname: "volsync" })

const error = (code: StorageErrorCode, file?: string) =>
  expect.objectContaining({
    code,
    ...(file === undefined ? {} : { facts: expect.objectContaining({ file }) as unknown }),
  }) as Error

const tree = (directory: string) => new FaultyTree(directory)
const openTree = (files: FaultyTree) => openRestic({ files, password: PASSWORD })

describe("the repository of known bytes", () => {
  it("lists its one snapshot", async () => {
    const listing = await open(knownRepository(), "test").list()
    expect(listing).toMatchObject({
      engine: "restic",
      repositoryId: "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
      formatVersion: 2,
      marks: [],
      notices: [],
    })
    expect(listing.snapshots).toMatchObject([
      {
        id: SNAPSHOT_NAME,
        start: parseTime("2026-01-02T01:04:05.6789Z").instant,
        source: { user: "", host: "volsync", paths: ["/data"] },
        end: undefined,
        bytes: undefined,
      },
    ])
  })

  it("is watched where snapshots, keys, locks and config appear", () => {
    expect(open(knownRepository()).watchedFolders()).toEqual(["", "keys", "snapshots", "locks"])
  })

  it("takes an empty password only as one that was given", async () => {
    await expect(open(knownRepository(), "").list()).rejects.toThrow(error("wrong_password"))
    await expect(open(knownRepository()).list()).resolves.toMatchObject({ depth: "names" })
  })

  it("says password_missing where names are not enough", async () => {
    await expect(open(knownRepository()).readIndexes()).rejects.toThrow(error("password_missing"))
  })

  it("refuses a version that it does not know", async () => {
    const directory = knownRepository()
    writeFileSync(
      join(directory, "config"),
      sealedJson({ version: 3, id: STRANGER, chunker_polynomial: "3" }),
    )
    await expect(open(directory, "test").list()).rejects.toThrow(error("unsupported", "config"))
  })

  it("refuses a snapshot in an encoding that it does not know", async () => {
    const directory = knownRepository()
    const name = putHashNamed(directory, "snapshots", seal(masterKey(), Buffer.from([3, 1, 2])))
    await expect(open(directory, "test").list()).rejects.toThrow(error("unsupported", `snapshots/${name}`))
  })

  it("refuses a snapshot that decompresses to something else than JSON", async () => {
    const directory = knownRepository()
    const zeros = Buffer.from("0228b52ffda0e09304005400001000000100fbff39c00202001000039f0400", "hex")
    const name = putHashNamed(directory, "snapshots", seal(masterKey(), zeros))
    await expect(open(directory, "test").list()).rejects.toThrow(error("corrupt", `snapshots/${name}`))
  })

  it("stops when it is told to", async () => {
    const signal = AbortSignal.abort()
    await expect(open(knownRepository(), "test").list({ signal })).rejects.toThrow("aborted")
  })
})

describe("a place that is not a whole repository", () => {
  const list = (directory: string) => open(directory, "test").list()

  it("is missing", async () => {
    await expect(list(join(scratch(), "nowhere"))).rejects.toThrow(error("missing"))
  })

  it("is empty, also with what NAS systems and NFS leave everywhere", async () => {
    const directory = scratch()
    await expect(list(directory)).rejects.toThrow(error("empty"))
    for (const name of ["lost+found", "@eaDir", "#recycle", ".snapshots"]) mkdirSync(join(directory, name))
    writeFileSync(join(directory, ".nfs000123"), "x")
    await expect(list(directory)).rejects.toThrow(error("empty"))
  })

  it("holds other things", async () => {
    const directory = scratch()
    writeFileSync(join(directory, "movie.mkv"), "x")
    await expect(list(directory)).rejects.toThrow(error("not_a_repository"))
    await expect(looksLikeRestic(new DirectoryTree(directory))).resolves.toBe(false)
  })

  it("was half initialised", async () => {
    const directory = scratch()
    for (const name of ["keys", "snapshots", "index", "data", "data/00", "locks"])
      mkdirSync(join(directory, name))
    await expect(list(directory)).rejects.toThrow(error("not_a_repository"))
    writeFileSync(join(directory, "keys", KEY_NAME), KEY_JSON)
    await expect(list(directory)).rejects.toThrow(error("corrupt", "config"))
  })

  it("has the layout of restic before 0.7", async () => {
    const directory = knownRepository()
    for (const name of ["key", "snapshot", "lock"])
      renameSync(join(directory, `${name}s`), join(directory, name))
    await expect(list(directory)).rejects.toThrow(/s3legacy/)
    await expect(looksLikeRestic(new DirectoryTree(directory))).resolves.toBe(true)
  })

  it("has a folder where a snapshot should be", async () => {
    const directory = knownRepository()
    mkdirSync(join(directory, "snapshots", STRANGER))
    await expect(list(directory)).rejects.toThrow(error("corrupt", `snapshots/${STRANGER}`))
  })

  it("has a config that cannot hold anything, told also without the password", async () => {
    const directory = knownRepository()
    writeFileSync(join(directory, "config"), Buffer.alloc(32, 1))
    await expect(open(directory).list()).rejects.toThrow(error("corrupt", "config"))
  })
})

describe("looksLikeRestic", () => {
  const looks = (directory: string) => looksLikeRestic(new DirectoryTree(directory))

  it("knows repositories, whole and without config or keys", async () => {
    const directory = fixtureCopy("restic/two-keys")
    await expect(looks(directory)).resolves.toBe(true)
    rmSync(join(directory, "config"))
    await expect(looks(directory)).resolves.toBe(true)
    rmSync(join(directory, "keys"), { recursive: true })
    await expect(looks(directory)).resolves.toBe(true)
  })

  it("takes neither Kopia's repositories nor a folder of an application for one", async () => {
    await expect(looks(fixture("kopia/format-3"))).resolves.toBe(false)
    const application = scratch()
    writeFileSync(join(application, "config"), "x")
    mkdirSync(join(application, "data"))
    await expect(looks(application)).resolves.toBe(false)
  })
})

describe("foreign files", () => {
  it("are noticed and change nothing", async () => {
    const directory = knownRepository()
    const strays = [
      ["snapshots/" + STRANGER + "-tmp-1717804428", "temporary_file"],
      ["index/" + STRANGER + ".rest-server-temp99", "temporary_file"],
      ["keys/.nfs0000000000012", "temporary_file"],
      ["snapshots/" + SNAPSHOT_NAME.toUpperCase(), "stray_file"],
      ["snapshots/notes.txt~", "stray_file"],
      ["README", "stray_file"],
    ] as const
    for (const [file] of strays) writeFileSync(join(directory, file), "x")
    writeFileSync(
      Buffer.concat([Buffer.from(join(directory, "locks") + "/"), Buffer.from([0xff, 0xfe])]),
      "x",
    )
    const { snapshots, notices, writers } = await open(directory, "test").list()
    expect(snapshots).toHaveLength(1)
    expect(writers).toEqual([])
    const files = notices.flatMap(({ file, code }) => (file === undefined ? [] : [[file, code]]))
    expect(files.sort()).toEqual(strays.map((stray) => [...stray]).sort())
    expect(notices.filter(({ code }) => code === "undecodable_name")).toHaveLength(1)
  })

  it("are counted where there are very many", async () => {
    const directory = knownRepository()
    for (let i = 0; i < 300; i++) writeFileSync(join(directory, "snapshots", `stray-${i}`), "")
    const { notices } = await open(directory, "test").list()
    expect(notices.length).toBeLessThan(30)
    expect(notices.at(-1)?.message).toMatch(/280 more/)
  })
})

describe("what was read before", () => {
  const ofSnapshots = (files: FaultyTree) => files.reads.filter((path) => path.startsWith("snapshots/"))

  it("is not read again by the next listing", async () => {
    const directory = knownRepository()
    const files = tree(directory)
    const repository = openTree(files)
    await repository.list()
    const name = putHashNamed(directory, "snapshots", sealedJson(snapshotJson("2026-02-01T00:00:00Z")))
    files.reads.length = 0
    expect((await repository.list()).snapshots).toHaveLength(2)
    expect(ofSnapshots(files)).toEqual([`snapshots/${name}`])
  })

  it("is not read again after a restart", async () => {
    for (const password of [PASSWORD, undefined]) {
      const files = tree(knownRepository())
      const memory = new VolatileBlobMemory()
      const first = await openRestic({ files, password, memory }).list()
      files.reads.length = 0
      expect(await openRestic({ files, password, memory }).list()).toEqual(first)
      expect(ofSnapshots(files)).toEqual([])
    }
  })

  it("is read again where the memory of it is broken", async () => {
    const files = tree(knownRepository())
    const memory = new VolatileBlobMemory()
    memory.recall = () => Buffer.from("{")
    expect((await openRestic({ files, password: PASSWORD, memory }).list()).snapshots).toHaveLength(1)
  })

  it("is forgotten when the snapshot goes", async () => {
    const directory = knownRepository()
    const repository = open(directory, "test")
    await repository.list()
    rmSync(join(directory, "snapshots", SNAPSHOT_NAME))
    expect((await repository.list()).snapshots).toEqual([])
  })
})

describe("the memory of keys", () => {
  function remembering(known?: Uint8Array) {
    const remembered: [string, number][] = []
    const memory: KeyMemory = {
      recall: async () => known,
      remember: async (label, _password, key) => {
        remembered.push([label, key.length])
      },
    }
    return { memory, remembered }
  }

  it("is given the derived key by the name of its file", async () => {
    const { memory, remembered } = remembering()
    await openRestic({ files: tree(knownRepository()), password: PASSWORD, keys: memory }).list()
    expect(remembered).toEqual([[`restic:${KEY_NAME}`, 64]])
  })

  it("opens the repository without deriving", async () => {
    const { memory, remembered } = remembering(DERIVED)
    const password = new Secret("what the memory was asked with")
    expect(
      (await openRestic({ files: tree(knownRepository()), password, keys: memory }).list()).snapshots,
    ).toHaveLength(1)
    expect(remembered).toEqual([])
  })

  it("costs time and no more when it is wrong", async () => {
    const garbled = Buffer.from(DERIVED)
    garbled.writeUInt8(garbled.readUInt8(0) ^ 1, 0)
    for (const wrong of [garbled, Buffer.alloc(64, 1), Buffer.alloc(3)]) {
      const { memory, remembered } = remembering(wrong)
      const options = { files: tree(knownRepository()), password: PASSWORD, keys: memory }
      expect((await openRestic(options).list()).snapshots).toHaveLength(1)
      expect(remembered).toHaveLength(1)
    }
  })
})

describe("a listing while restic writes", () => {
  it("does not hold a snapshot that vanished before it was read", async () => {
    const directory = knownRepository()
    const doomed = putHashNamed(directory, "snapshots", sealedJson(snapshotJson("2026-02-01T00:00:00Z")))
    const files = tree(directory)
    files.before = (action, path) => {
      if (action === "read" && path === `snapshots/${doomed}`) rmSync(join(directory, path), { force: true })
    }
    expect((await openTree(files).list()).snapshots.map(({ id }) => id)).toEqual([SNAPSHOT_NAME])
  })

  it("holds a snapshot that came while others were read", async () => {
    const directory = knownRepository()
    const files = tree(directory)
    let name = ""
    files.before = (action, path) => {
      if (action !== "read" || path !== `snapshots/${SNAPSHOT_NAME}` || name !== "") return
      name = putHashNamed(directory, "snapshots", sealedJson(snapshotJson("2026-02-01T00:00:00Z")))
    }
    expect((await openTree(files).list()).snapshots.map(({ id }) => id)).toEqual([SNAPSHOT_NAME, name])
  })

  it("does not take the moment in which `migrate` has removed config for damage", async () => {
    const directory = knownRepository()
    const config = join(directory, "config")
    const bytes = readFileSync(config)
    const files = tree(directory)
    let roots = 0
    files.before = (action, path) => {
      if (action !== "list" || path !== "") return
      roots++
      if (roots === 1) rmSync(config)
      if (roots === 2) writeFileSync(config, bytes)
    }
    expect((await openTree(files).list()).snapshots).toHaveLength(1)
  })

  it("is unstable when the repository changes all the time", async () => {
    const directory = knownRepository()
    const files = tree(directory)
    let day = 0
    files.before = (action, path) => {
      if (action === "list" && path === "snapshots") {
        day++
        putHashNamed(
          directory,
          "snapshots",
          sealedJson(snapshotJson(new Date(day * 86_400_000).toISOString())),
        )
      }
    }
    await expect(openTree(files).list()).rejects.toThrow(error("unstable"))
    files.before = () => undefined
    expect((await openTree(files).list()).snapshots).toHaveLength(day + 1)
  })

  it("passes over a lock that is released before it is read", async () => {
    const directory = knownRepository()
    const lock = { time: "2026-02-01T00:00:00Z", exclusive: false, hostname: "h", username: "u", pid: 1 }
    const name = putHashNamed(directory, "locks", sealedJson(lock))
    expect((await open(directory, "test").list()).writers).toMatchObject([
      { id: name, host: "h", exclusive: false },
    ])
    const files = tree(directory)
    files.before = (action, path) => {
      if (action === "read" && path.startsWith("locks/")) rmSync(join(directory, path), { force: true })
    }
    expect(await openTree(files).list()).toMatchObject({ writers: [], notices: [] })
  })

  it("believes the later of a lock's own time and its file's", async () => {
    const directory = knownRepository()
    const lock = {
      time: "2026-02-01T00:00:00Z",
      exclusive: true,
      hostname: "slow clock",
      username: "u",
      pid: 1,
    }
    const slow = putHashNamed(directory, "locks", sealedJson(lock))
    putHashNamed(
      directory,
      "locks",
      sealedJson({ ...lock, time: "2126-02-01T00:00:00Z", hostname: "fast clock" }),
    )
    const { writers } = await open(directory, "test").list()
    const seen = new Map(writers.map(({ host, lastSeen }) => [host, lastSeen]))
    expect(seen.get("slow clock")).toBe(statSync(join(directory, "locks", slow), { bigint: true }).mtimeNs)
    expect(seen.get("fast clock")).toBe(parseTime("2126-02-01T00:00:00Z").instant)
  })

  it("reads a half-written file again before it calls it damage", async () => {
    const files = tree(knownRepository())
    let first = true
    files.change = (path, bytes) => {
      if (path !== `snapshots/${SNAPSHOT_NAME}` || !first) return bytes
      first = false
      return bytes.subarray(0, 100)
    }
    expect((await openTree(files).list()).snapshots).toHaveLength(1)
    expect(first).toBe(false)
  })
})

describe("a fault of the filesystem", () => {
  const cases: [string, "list" | "read", StorageErrorCode][] = [
    ["", "list", "io"],
    ["", "list", "unreadable"],
    ["keys", "list", "unreadable"],
    ["snapshots", "list", "io"],
    ["index", "list", "unreadable"],
    ["locks", "list", "unreadable"],
    ["config", "read", "unreadable"],
    [`keys/${KEY_NAME}`, "read", "unreadable"],
    [`keys/${KEY_NAME}`, "read", "io"],
    [`snapshots/${SNAPSHOT_NAME}`, "read", "io"],
    [`snapshots/${SNAPSHOT_NAME}`, "read", "missing"],
    [`snapshots/${SNAPSHOT_NAME}`, "read", "timeout"],
  ]
  for (const [path, action, code] of cases) {
    for (const password of [PASSWORD, undefined]) {
      it(`${code} at ${action} of ${path || "the root"} is that error ${password === undefined ? "without" : "with"} the password`, async () => {
        const files = tree(knownRepository())
        files.before = (at, where) => {
          if (at === action && where === path)
            throw new StorageError(code, `${path}: ${code}`, { facts: { file: path } })
        }
        await expect(openRestic({ files, password }).list()).rejects.toThrow(error(code, path))
      })
    }
  }

  it("of permission on a lock leaves a writer and a notice", async () => {
    const directory = knownRepository()
    const name = putHashNamed(directory, "locks", SNAPSHOT)
    const files = tree(directory)
    files.before = (action, path) => {
      if (action === "read" && path.startsWith("locks/"))
        throw new StorageError("unreadable", `${path} may not be read`)
    }
    expect(await openTree(files).list()).toMatchObject({
      writers: [{ id: name, exclusive: undefined }],
      notices: [{ code: "unreadable_lock", file: `locks/${name}` }],
    })
  })

  it("never makes us write", async () => {
    const directory = fixtureCopy("restic/locks")
    const state = () =>
      readdirSync(directory, { recursive: true, encoding: "utf8" })
        .sort()
        .map((path) => [path, statSync(join(directory, path), { bigint: true }).mtimeNs])
    const before = state()
    await open(directory, "restic password").list()
    await open(directory, "wrong")
      .list()
      .catch(() => undefined)
    await open(directory, "restic password").readIndexes()
    expect(state()).toEqual(before)
  })
})
