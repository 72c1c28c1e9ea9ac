import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { durabilityOf, emptinessOf, spaceAt } from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { ext4Image, mountBind, mountImage, mountTmpfs } from "../../support/mounts.js"

describe("whether a state directory lasts", () => {
  it("is yes on a disk, also before the directory is there", () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(), disk)
    expect(durabilityOf(disk)).toEqual({ durable: true })
    expect(durabilityOf(join(disk, "var", "cistern"))).toEqual({ durable: true })
  })

  it("is no in memory", () => {
    const place = join(scratch(), "memory")
    mountTmpfs(place)
    expect(durabilityOf(place)).toMatchObject({ durable: false, code: "in_memory", writable: true })
    expect(durabilityOf(join(place, "state"))).toMatchObject({ durable: false, code: "in_memory" })
  })

  it("is no in memory that may not even be written", () => {
    const place = join(scratch(), "memory")
    mountTmpfs(place, "2m,ro")
    expect(durabilityOf(join(place, "state"))).toMatchObject({ code: "in_memory", writable: false })
  })

  it("is no in an emptyDir", () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(), disk)
    const volume = join(disk, "kubelet/pods/0a1b/volumes/kubernetes.io~empty-dir/state")
    mkdirSync(volume, { recursive: true })
    const place = join(scratch(), "state")
    mountBind(volume, place)
    expect(durabilityOf(place)).toMatchObject({ durable: false, code: "empty_dir" })
  })

  it("is no on a read-only filesystem", () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(), disk, "ro")
    const answer = durabilityOf(disk)
    expect(answer).toMatchObject({ durable: false, code: "read_only", writable: false })
    expect(answer.durable ? "" : answer.message).toContain(disk)
  })
})

describe("an empty place", () => {
  function place(...names: string[]): string {
    const directory = scratch()
    for (const name of names) mkdirSync(join(directory, name))
    return directory
  }

  it("holds nothing but what systems put everywhere", () => {
    const names = [
      "lost+found",
      "@eaDir",
      "#recycle",
      "#snapshot",
      ".zfs",
      ".snapshot",
      ".snapshots",
      ".nfs0000a1",
    ]
    expect(emptinessOf(place())).toEqual({ kind: "empty" })
    expect(emptinessOf(place(...names))).toEqual({ kind: "empty" })
  })

  it("is a new filesystem", () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(), disk)
    expect(emptinessOf(disk)).toEqual({ kind: "empty" })
  })

  for (const name of [
    ".DS_Store",
    "Lost+Found",
    ".cistern",
    "kopia.repository",
    ".nf",
    "#recycle2",
    ".shards2",
  ]) {
    it(`is not one with ${name} in it`, () => {
      expect(emptinessOf(place(name))).toEqual({ kind: "occupied", examples: [name] })
    })
  }

  it("is not one with .shards in it, which has an answer of its own", () => {
    const directory = place("@eaDir")
    writeFileSync(join(directory, ".shards"), "{}")
    expect(emptinessOf(directory)).toEqual({ kind: "shards_only" })
    writeFileSync(join(directory, "q123.f"), "")
    expect(emptinessOf(directory)).toEqual({ kind: "occupied", examples: [".shards", "q123.f"] })
  })

  it("is not one that is missing, and a file is none", () => {
    const directory = scratch()
    expect(emptinessOf(join(directory, "nowhere"))).toEqual({ kind: "missing" })
    symlinkSync(join(directory, "elsewhere"), join(directory, "link"))
    expect(emptinessOf(join(directory, "link"))).toEqual({ kind: "occupied", examples: ["link"] })
    expect(emptinessOf(join(directory, "link/below"))).toEqual({ kind: "occupied", examples: ["link"] })
    writeFileSync(join(directory, "file"), "")
    expect(() => emptinessOf(join(directory, "file"))).toThrow(expect.objectContaining({ code: "missing" }))
  })
})

describe("space", () => {
  it("is that of the filesystem, without what is kept back for root", () => {
    const disk = join(scratch(), "disk")
    mountImage(ext4Image(16), disk)
    const space = spaceAt(disk)
    expect(space.totalBytes).toBeGreaterThan(12 * 1024 * 1024)
    expect(space.totalBytes).toBeLessThanOrEqual(16 * 1024 * 1024)
    expect(space.availableBytes).toBeLessThan(space.totalBytes)
    writeFileSync(join(disk, "file"), Buffer.alloc(4 << 20))
    expect(spaceAt(disk).availableBytes).toBeLessThanOrEqual(space.availableBytes - (4 << 20))
    expect(spaceAt(disk).availableFiles).toBe(space.availableFiles - 1)
  })

  it("names the path that is not there", () => {
    const path = join(scratch(), "nowhere")
    chmodSync(join(path, ".."), 0o755)
    expect(() => spaceAt(path)).toThrow(
      expect.objectContaining({ code: "missing", message: `${path} is not there` }),
    )
  })
})
