import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { checkFence, type FenceRecord, takeFence, takeStoreFence } from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { btrfsImage, mountImage, unmount, xfsImage } from "../../support/mounts.js"

// The filesystems of Synology and of Debian servers, for real.

function codeAt(path: string, record: FenceRecord): string {
  const state = checkFence(path, JSON.parse(JSON.stringify(record)) as FenceRecord)
  return state.kind === "fenced" ? state.code : state.kind
}

describe("the fence of a store on XFS", () => {
  it("rests on the UUID that the filesystem's own program tells, and outlives a remount", () => {
    const image = xfsImage()
    const store = join(scratch(), "store")
    mountImage(image, store)
    const record = takeStoreFence(store, { sentinel: true })
    expect(record.filesystem).toMatchObject({ type: "xfs", strength: "uuid" })
    unmount(store)
    expect(codeAt(store, record)).toBe("not_mounted")
    expect(execFileSync("xfs_admin", ["-u", image], { encoding: "utf8" })).toBe(
      `UUID = ${String(record.filesystem.uuid)}\n`,
    )
    mountImage(image, store)
    expect(codeAt(store, record)).toBe("holds")
  })

  it("is broken by another XFS in its place", () => {
    const store = join(scratch(), "store")
    mountImage(xfsImage(), store)
    const record = takeFence(store)
    unmount(store)
    mountImage(xfsImage(), store)
    expect(codeAt(store, record)).toBe("other_filesystem")
  })
})

describe("the fence of a store on btrfs", () => {
  /** A filesystem whose subvolume `backups` is the store. */
  function store(): { image: string; whole: string; store: string; record: FenceRecord } {
    const image = btrfsImage()
    const whole = join(scratch(), "whole")
    mountImage(image, whole)
    subvolume("create", join(whole, "backups"))
    const store = join(scratch(), "store")
    mountImage(image, store, "subvol=backups")
    return { image, whole, store, record: takeStoreFence(store, { sentinel: true }) }
  }

  it("rests on the UUID that the filesystem's own program tells, and on the subvolume", () => {
    const { image, store: place, record } = store()
    expect(record.filesystem).toMatchObject({ type: "btrfs", root: "/backups", strength: "uuid" })
    const said = execFileSync("btrfs", ["inspect-internal", "dump-super", image], { encoding: "utf8" })
    expect(said).toMatch(new RegExp(`^fsid\\s+${String(record.filesystem.uuid)}$`, "m"))
    unmount(place)
    mountImage(image, place, "subvol=backups")
    expect(codeAt(place, record)).toBe("holds")
  })

  it("is broken by another subvolume of the same filesystem, even by a snapshot of the store", () => {
    const { image, whole, store: place, record } = store()
    subvolume("snapshot", join(whole, "backups"), join(whole, "backups-yesterday"))
    unmount(place)
    mountImage(image, place, "subvol=backups-yesterday")
    expect(codeAt(place, record)).toBe("other_filesystem")
  })

  it("is broken for a repository whose subvolume was deleted, though the store holds", () => {
    const { store: place, record } = store()
    const repository = join(place, "kopia")
    subvolume("create", repository)
    const path = takeFence(repository)
    expect(codeAt(repository, path)).toBe("holds")
    subvolume("delete", repository)
    expect(codeAt(repository, path)).toBe("missing_directory")
    expect(codeAt(place, record)).toBe("holds")
  })

  it("is broken for a repository of its own subvolume mount that is gone", () => {
    const { image, whole, store: place, record } = store()
    subvolume("create", join(whole, "kopia"))
    const repository = join(place, "kopia")
    mkdirSync(repository)
    mountImage(image, repository, "subvol=kopia")
    const path = takeFence(repository)
    expect(codeAt(repository, path)).toBe("holds")
    unmount(repository)
    expect(codeAt(repository, path)).toBe("not_mounted")
    expect(codeAt(place, record)).toBe("holds")
  })
})

function subvolume(...command: readonly string[]): void {
  execFileSync("btrfs", ["subvolume", ...command], { stdio: ["ignore", "ignore", "inherit"] })
}
