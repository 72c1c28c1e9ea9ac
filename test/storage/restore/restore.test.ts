import { execFileSync } from "node:child_process"
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { type RestoreOptions, type RestoreResult, restore } from "../../../storage/restore/index.js"
import { scratch } from "../../support/fixtures.js"
import { gone, type Invented, InventedContents } from "../../support/invented-contents.js"
import { btrfsImage, ext4Image, mountImage, mountTmpfs, xfsImage } from "../../support/mounts.js"
import { attributesOf } from "../../support/tree-on-disk.js"

async function restored(
  entries: readonly Invented[],
  options: RestoreOptions = {},
  target = join(scratch(), "target"),
): Promise<{ readonly target: string; readonly result: RestoreResult }> {
  const contents = new InventedContents()
  return {
    target,
    result: await restore(contents, contents.entry({ entries }), target, { unsynced: true, ...options }),
  }
}

const paths = ({ failed }: RestoreResult) =>
  failed.map(({ path, code }) => `${code} ${Buffer.from(path).toString("utf8")}`)
const losses = ({ lost }: RestoreResult) => lost.map(({ what, count }) => `${what} ${count}`)

const bytes = (length: number, of = 1) => Buffer.alloc(length, of)

describe("what a restored entry has", () => {
  const disks: readonly (readonly [string, (place: string) => void])[] = [
    [
      "ext4",
      (place) => {
        mountImage(ext4Image(16), place)
      },
    ],
    [
      "xfs",
      (place) => {
        mountImage(xfsImage(), place)
      },
    ],
    [
      "btrfs",
      (place) => {
        mountImage(btrfsImage(), place)
      },
    ],
    [
      "tmpfs",
      (place) => {
        mountTmpfs(place, "16m")
      },
    ],
  ]
  it.each(disks)("is its owner, mode, time, attributes and kind, on %s", async (kind, mount) => {
    const place = join(scratch(), "disk")
    mount(place)
    const target = join(place, "target")
    const attributes =
      kind === "tmpfs"
        ? []
        : [
            { name: "user.é", value: Buffer.from([0, 1, 255]) },
            { name: "user.empty", value: new Uint8Array() },
          ]
    const { result } = await restored(
      [
        { name: "suid", bytes: bytes(10), mode: 0o4711, uid: 4711, gid: 4712, modified: -1n, attributes },
        {
          name: "link",
          kind: "symlink",
          target: Buffer.from("/nowhere"),
          uid: 7,
          gid: 8,
          modified: 999_999_999n,
        },
        { name: "fifo", kind: "fifo", mode: 0o622, uid: 9, gid: 10 },
        { name: "null", kind: "character_device", mode: 0o666, device: 0x103 },
        { name: "disk", kind: "block_device", mode: 0o660, device: 0x100305 },
        {
          name: "closed",
          entries: [{ name: "in", bytes: bytes(1) }],
          mode: 0o000,
          uid: 5,
          gid: 6,
          attributes,
          modified: 5_000_000_001n,
        },
        { name: "one", bytes: bytes(100), sameFile: "a" },
        { name: "two", bytes: bytes(100), sameFile: "a" },
        { name: "sticky", entries: [{ name: "three", bytes: bytes(100), sameFile: "a" }], mode: 0o3777 },
      ],
      { devices: true },
      target,
    )
    expect(result).toMatchObject({
      failed: [],
      lost: [],
      stopped: undefined,
      files: 5,
      directories: 2,
      others: 4,
      bytes: 111,
      linkedBytes: 200,
    })
    const stats = (name: string) => lstatSync(join(target, name), { bigint: true })
    const modeOf = (name: string) => Number(stats(name).mode & 0o7777n)
    expect(stats("suid")).toMatchObject({ uid: 4711n, gid: 4712n, mtimeNs: -1n, size: 10n })
    expect(modeOf("suid")).toBe(0o4711)
    expect(stats("link")).toMatchObject({ uid: 7n, gid: 8n, mtimeNs: 999_999_999n })
    expect(stats("fifo").isFIFO()).toBe(true)
    expect(modeOf("fifo")).toBe(0o622)
    expect(stats("fifo")).toMatchObject({ uid: 9n, gid: 10n, mtimeNs: 1_700_000_000_123_456_789n })
    expect(stats("null")).toMatchObject({ rdev: 0x103n })
    expect(stats("null").isCharacterDevice()).toBe(true)
    expect(stats("disk")).toMatchObject({ rdev: 0x100305n })
    expect(stats("disk").isBlockDevice()).toBe(true)
    expect(stats("closed")).toMatchObject({ uid: 5n, gid: 6n, mtimeNs: 5_000_000_001n })
    expect(modeOf("closed")).toBe(0)
    expect(modeOf("sticky")).toBe(0o3777)
    expect(stats("one").ino).toBe(stats("two").ino)
    expect(stats("one").ino).toBe(stats("sticky/three").ino)
    for (const name of ["suid", "closed"])
      expect(attributesOf(join(target, name))).toEqual(
        Object.fromEntries(attributes.map((one) => [one.name, Buffer.from(one.value).toString("base64")])),
      )
  })

  it("is told where the filesystem keeps no such thing", async () => {
    const place = join(scratch(), "disk")
    mountTmpfs(place)
    const name = "x".repeat(300)
    const { result } = await restored(
      [
        { name: "a", bytes: bytes(1), attributes: [{ name: "nonsense", value: bytes(1) }] },
        { name: "b", bytes: bytes(1), attributes: [{ name: "nonsense", value: bytes(1) }] },
        { name, bytes: bytes(1) },
        { name, entries: [] },
      ],
      {},
      join(place, "target"),
    )
    expect(losses(result)).toEqual(["attributes 2"])
    expect(paths(result)).toEqual([`name_too_long ${name}`, `name_too_long ${name}`])
    expect(result.files).toBe(2)
  })

  it("is told of devices that nobody asked for, of sockets and of what has no kind", async () => {
    const { target, result } = await restored([
      { name: "null", kind: "character_device", device: 0x103 },
      { name: "socket", kind: "socket" },
      { name: "what", kind: "unknown" },
    ])
    expect(losses(result)).toEqual(["device 1", "socket 1"])
    expect(paths(result)).toEqual(["unsupported what"])
    expect(readdirSync(target)).toEqual([])
  })

  it("is to the microsecond, and told so, where the C library cannot be called", async () => {
    const { target, result } = await restored(
      [
        { name: "file", bytes: bytes(1), attributes: [{ name: "user.a", value: bytes(1) }] },
        { name: "link", kind: "symlink", target: Buffer.from("x") },
        { name: "fifo", kind: "fifo" },
      ],
      { calls: "none" },
    )
    expect(losses(result).sort()).toEqual(["attributes 1", "times 3"])
    expect(paths(result)).toEqual(["not_written fifo"])
    for (const name of ["file", "link"])
      expect(lstatSync(join(target, name)).mtimeMs).toBeCloseTo(1_700_000_000_123.456, 2)
  })
})

describe("runs of zeros", () => {
  const half = 1024 * 1024
  async function* pieces(): AsyncGenerator<Uint8Array> {
    // Pieces whose ends lie across every window, as splitters make them.
    for (const [length, of] of [
      [half + 77, 0],
      [5, 3],
      [half * 3 - 82, 0],
      [half, 9],
      [half, 0],
    ] as const)
      yield await Promise.resolve(bytes(length, of))
  }
  const expected = Buffer.concat([
    bytes(half + 77, 0),
    bytes(5, 3),
    bytes(half * 3 - 82, 0),
    bytes(half, 9),
    bytes(half, 0),
  ])

  it("become holes, also at the end of a file, and nothing else does", async () => {
    const { target, result } = await restored([
      { name: "sparse", bytes: pieces },
      { name: "zeros", bytes: bytes(half, 0) },
    ])
    expect(result).toMatchObject({ failed: [], files: 2, bytes: half * 7 })
    expect(readFileSync(join(target, "sparse")).equals(expected)).toBe(true)
    expect(statSync(join(target, "sparse")).blocks * 512).toBeLessThan(half + 256 * 1024)
    expect(statSync(join(target, "zeros"))).toMatchObject({ size: half, blocks: 0 })
  })

  it("are written where that is asked for", async () => {
    const { target } = await restored([{ name: "sparse", bytes: pieces }], { full: true })
    expect(readFileSync(join(target, "sparse")).equals(expected)).toBe(true)
    execFileSync("sync", [join(target, "sparse")])
    expect(statSync(join(target, "sparse")).blocks * 512).toBeGreaterThanOrEqual(half * 6)
  })
})

describe("the directory that is restored into", () => {
  it.each([
    [
      "a file",
      (place: string) => {
        writeFileSync(join(place, "mine"), "precious")
      },
    ],
    [
      "a hidden file",
      (place: string) => {
        writeFileSync(join(place, ".mine"), "precious")
      },
    ],
    [
      "a directory",
      (place: string) => {
        mkdirSync(join(place, "mine"))
      },
    ],
  ])("is refused when it holds %s", async (_what, put) => {
    const place = scratch()
    put(place)
    const mode = lstatSync(place).mode
    await expect(restored([], {}, place)).rejects.toMatchObject({ code: "occupied" })
    expect(readdirSync(place)).toHaveLength(1)
    expect(lstatSync(place).mode).toBe(mode)
  })

  it("may be an empty disk, and one that a link of the caller leads to", async () => {
    const place = join(scratch(), "disk")
    mountImage(ext4Image(8), place)
    expect(readdirSync(place)).toEqual(["lost+found"])
    const link = join(scratch(), "link")
    symlinkSync(place, link)
    const { result } = await restored([{ name: "file", bytes: bytes(3) }], {}, link)
    expect(result.files).toBe(1)
    expect(readdirSync(place).sort()).toEqual(["file", "lost+found"])
  })

  it("is refused inside the repository, whatever path leads there", async () => {
    const repository = scratch()
    const link = join(scratch(), "link")
    symlinkSync(repository, link)
    for (const target of [repository, join(repository, "x"), join(link, "x")]) {
      const refusal = restored([], { notWithin: [repository] }, target)
      await expect(refusal).rejects.toMatchObject({ code: "invalid" })
    }
    expect(readdirSync(repository)).toEqual([])
    await restored([], { notWithin: [repository] }, `${repository}-beside`)
  })

  it("is refused where nothing is above it, where it is a file, and where nobody may write", async () => {
    await expect(restored([], {}, join(scratch(), "no/target"))).rejects.toMatchObject({ code: "missing" })
    const file = join(scratch(), "file")
    writeFileSync(file, "precious")
    await expect(restored([], {}, file)).rejects.toBeInstanceOf(StorageError)
    expect(readFileSync(file, "utf8")).toBe("precious")
    await expect(restored([], {}, "/proc/target")).rejects.toBeInstanceOf(StorageError)
  })

  it("is closed to others while it is filled, and has its own mode afterwards", async () => {
    const place = scratch()
    execFileSync("chmod", ["751", place])
    let during = 0
    const contents = new InventedContents()
    async function* look(): AsyncGenerator<Uint8Array> {
      during = lstatSync(place).mode & 0o777
      yield await Promise.resolve(bytes(1))
    }
    const root = contents.entry({
      entries: [{ name: "file", bytes: look }],
      mode: undefined,
      modified: undefined,
    })
    await restore(contents, { ...root, mode: undefined, modified: undefined }, place, { unsynced: true })
    expect(during).toBe(0o700)
    expect(lstatSync(place).mode & 0o777).toBe(0o751)
  })

  it("takes a single file under the name that it has or is given", async () => {
    const contents = new InventedContents()
    for (const [name, given, expected] of [
      ["a", undefined, "a"],
      ["", "b", "b"],
    ] as const) {
      const target = join(scratch(), "target")
      const entry = contents.entry({ name, bytes: bytes(5) })
      await restore(contents, entry, target, {
        unsynced: true,
        ...(given === undefined ? {} : { name: Buffer.from(given) }),
      })
      expect(readdirSync(target)).toEqual([expected])
    }
  })
})

describe("what cannot be read", () => {
  const corrupt = () => new StorageError("corrupt", "its tag is wrong", { facts: { file: "p/x" } })
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes(1000))
    throw corrupt()
  }

  it("is not left half, is told, and everything else is restored", async () => {
    const { target, result } = await restored([
      { name: "bad", bytes: broken },
      { name: "good", bytes: bytes(7) },
      { name: "folder", kind: "directory", mode: 0o750 },
      { name: "link", kind: "symlink" },
      { name: "nul", kind: "symlink", target: Buffer.from("a\0b") },
      {
        name: "last",
        entries: [
          { name: "bad", bytes: broken },
          { name: "fine", bytes: bytes(1) },
        ],
      },
    ])
    expect(paths(result).sort()).toEqual([
      "corrupt bad",
      "corrupt last/bad",
      "corrupt nul",
      "missing folder",
      "missing link",
    ])
    expect(result).toMatchObject({ files: 2, failedCount: 5, stopped: undefined })
    expect(readdirSync(target).sort()).toEqual(["folder", "good", "last"])
    expect(lstatSync(join(target, "folder")).mode & 0o777).toBe(0o750)
    expect(readdirSync(join(target, "last"))).toEqual(["fine"])
  })

  it("is left as far as it goes when that is asked for", async () => {
    const { target, result } = await restored([{ name: "bad", bytes: broken, mode: 0o640 }], {
      keepDamaged: true,
    })
    expect(paths(result)).toEqual(["corrupt bad"])
    expect(result.files).toBe(0)
    expect(lstatSync(join(target, "bad"))).toMatchObject({ size: 1000 })
    expect(lstatSync(join(target, "bad")).mode & 0o777).toBe(0o640)
  })

  it("is a second name of a file whose first name could not be read, too", async () => {
    let reads = 0
    async function* once(): AsyncGenerator<Uint8Array> {
      if (++reads === 1) throw corrupt()
      yield await Promise.resolve(bytes(3))
    }
    const { target, result } = await restored([
      { name: "one", bytes: once, sameFile: "a" },
      { name: "two", bytes: once, sameFile: "a" },
      { name: "three", bytes: once, sameFile: "a" },
    ])
    expect(paths(result)).toEqual(["corrupt one"])
    expect(lstatSync(join(target, "two")).ino).toBe(lstatSync(join(target, "three")).ino)
    expect(reads).toBe(2)
  })

  it("ends the restore when the repository's disk answers nothing any more", async () => {
    let reads = 0
    async function* dead(): AsyncGenerator<Uint8Array> {
      reads++
      yield await Promise.reject<Uint8Array>(new StorageError("timeout", "no answer within 10 s"))
    }
    const { result } = await restored(
      Array.from({ length: 500 }, (_, at) => ({ name: `${at}`, bytes: dead })),
    )
    expect(result.stopped).toMatchObject({ code: "timeout" })
    expect(reads).toBeLessThan(60)
  })
})

describe("a prune under the reader", () => {
  it("has the contents opened anew, once, and says so", async () => {
    const before = new InventedContents()
    const after = new InventedContents()
    const entries = Array.from({ length: 20 }, (_, at) => ({ name: `file-${at}`, bytes: bytes(10 + at) }))
    const pruned = entries.map((one, at) => (at < 5 ? one : { name: one.name }))
    const invented = [{ name: "lost" }, ...entries]
    const root = before.entry({ entries: [{ name: "lost" }, ...pruned] })
    // The same ids in the same order: what one engine's contents name, its others find.
    expect(after.entry({ entries: invented }).content).toEqual(root.content)
    await after.list(root)
    let opened = 0
    const target = join(scratch(), "target")
    const reopen = () => {
      opened++
      return Promise.resolve(after)
    }
    const result = await restore(before, root, target, { reopen, unsynced: true })
    expect(opened).toBe(1)
    expect(result).toMatchObject({ reopened: true, files: 20 })
    expect(paths(result)).toEqual(["missing lost"])
    for (const [at, { name }] of entries.entries())
      expect(readFileSync(join(target, name))).toHaveLength(10 + at)
  })

  it("is told as missing when the repository cannot be opened any more", async () => {
    const { result } = await restored([{ name: "lost" }], { reopen: () => Promise.reject(gone()) })
    expect(result.reopened).toBe(false)
    expect(paths(result)).toEqual(["missing lost"])
  })
})

describe("a restore that is called off", () => {
  it("ends with the reason, and leaves no half file", async () => {
    const controller = new AbortController()
    const reason = new Error("called off")
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let round = 0; ; round++) {
        if (round === 5) controller.abort(reason)
        yield await Promise.resolve(bytes(100_000))
      }
    }
    const target = join(scratch(), "target")
    const options = { signal: controller.signal, keepDamaged: true }
    await expect(restored([{ name: "endless", bytes: endless }], options, target)).rejects.toBe(reason)
    expect(readdirSync(target)).toEqual([])
  })

  it("tells how far it is until then, and keeps to the rate that it is given", async () => {
    const told: { files: number; bytes: number }[] = []
    const began = performance.now()
    const options = {
      bytesPerSecond: 1_000_000,
      onProgress: (progress: { files: number; bytes: number }) => void told.push(progress),
    }
    await restored(
      [
        { name: "a", bytes: bytes(100_000) },
        { name: "b", bytes: bytes(100_000) },
      ],
      options,
    )
    expect(told.at(-1)).toEqual({ files: 2, bytes: 200_000 })
    expect(performance.now() - began).toBeGreaterThan(180)
  })
})
