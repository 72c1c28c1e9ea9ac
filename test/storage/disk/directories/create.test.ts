import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { createDirectory } from "../../../../storage/disk/index.js"
import { canary, ownersBelow, storeAt, swapping } from "../../../support/directories.js"
import { ext4Image, mountBind, mountImage, requireRoot, unmount } from "../../../support/mounts.js"

const mover = { uid: 568, gid: 568, mode: 0o700 }

function useAllInodesBut(left: number, directory: string): void {
  const files: string[] = []
  try {
    for (;;) {
      const file = join(directory, `f${files.length}`)
      writeFileSync(file, "")
      files.push(file)
    }
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" })
  }
  for (const file of files.slice(0, left)) rmSync(file)
}

describe("a repository's directory", () => {
  it("is made with owner, group, mode and set-gid, and so are those above it that are not there", () => {
    requireRoot()
    const store = storeAt()
    mkdirSync(join(store.path, "restic"), { mode: 0o755 })
    const owner = { uid: 1000, gid: 2000, mode: 0o2770 }
    const made = createDirectory({ store, path: "restic/media/radarr", owner })
    expect(made).toEqual([
      { path: `${store.path}/restic`, made: false, uid: 0, gid: 0, mode: 0o755 },
      { path: `${store.path}/restic/media`, made: true, ...owner },
      { path: `${store.path}/restic/media/radarr`, made: true, ...owner },
    ])
    expect(ownersBelow(store.path)).toMatchObject({
      restic: "0:0 755",
      "restic/media": "1000:2000 2770",
      "restic/media/radarr": "1000:2000 2770",
    })
  })

  it("has its mode whatever the umask, and whatever set-gid the one above gives it", () => {
    const store = storeAt()
    mkdirSync(join(store.path, "above"))
    chownSync(join(store.path, "above"), 0, 4242)
    chmodSync(join(store.path, "above"), 0o2777)
    const umask = process.umask(0o077)
    try {
      createDirectory({ store, path: "above/it", owner: { ...mover, mode: 0o755 } })
    } finally {
      process.umask(umask)
    }
    expect(ownersBelow(join(store.path, "above/it"))).toEqual({ ".": "568:568 755" })
  })

  it("that is there already is adopted as it is, and told", () => {
    const store = storeAt()
    mkdirSync(join(store.path, "kopia"), { mode: 0o711 })
    writeFileSync(join(store.path, "kopia/kopia.repository.f"), "{}")
    expect(createDirectory({ store, path: "kopia", owner: mover })).toEqual([
      { path: `${store.path}/kopia`, made: false, uid: 0, gid: 0, mode: 0o711 },
    ])
    expect(ownersBelow(join(store.path, "kopia"))["."]).toBe("0:0 711")
  })

  it.each([
    ["..", "invalid"],
    ["a/../../b", "invalid"],
    ["/etc", "invalid"],
    ["", "invalid"],
    ["a//b", "invalid"],
    ["a/\n", "invalid"],
    ["a/\u202e", "invalid"],
    ["a/\0", "invalid"],
    [".cistern/repairs", "invalid"],
    ["x".repeat(256), "invalid"],
    [Array.from({ length: 70 }, () => "a").join("/"), "invalid"],
  ])("is refused at %j", (path, code) => {
    const store = storeAt()
    const before = ownersBelow(store.path)
    expect(() => createDirectory({ store, path, owner: mover })).toThrow(
      expect.objectContaining({ code }) as Error,
    )
    expect(ownersBelow(store.path)).toEqual(before)
  })

  it("is not made behind a link or a file, nor in a link's place", () => {
    const store = storeAt()
    const precious = canary()
    const before = precious.state()
    symlinkSync(precious.path, join(store.path, "link"))
    writeFileSync(join(store.path, "file"), "")
    for (const path of ["link/inner/new", "link", "file/new", "file"]) {
      expect(() => createDirectory({ store, path, owner: mover }), path).toThrow(
        expect.objectContaining({ code: "corrupt" }) as Error,
      )
    }
    expect(precious.state()).toBe(before)
  })

  it("is not made on a filesystem that nobody expected there, be it of the same device, unless it is named", () => {
    const store = storeAt()
    const elsewhere = storeAt()
    mountBind(elsewhere.path, join(store.path, "restic"))
    const create = (mounts: readonly string[]) =>
      createDirectory({ store: { ...store, mounts }, path: "restic/new", owner: mover })
    expect(() => create([])).toThrow(
      expect.objectContaining({ code: "invalid", facts: { mountPoint: `${store.path}/restic` } }) as Error,
    )
    expect(existsSync(join(elsewhere.path, "new"))).toBe(false)
    create([`${store.path}/restic`])
    expect(existsSync(join(elsewhere.path, "new"))).toBe(true)
    unmount(join(store.path, "restic"))
    expect(() => create([`${store.path}/restic`])).toThrow("nothing is mounted at")
    expect(existsSync(join(store.path, "restic/new"))).toBe(false)
  })

  it("is not made where the store's own filesystem is another one by now", () => {
    const path = storeAt().path
    mountImage(ext4Image(), path)
    mkdirSync(join(path, ".cistern"))
    const store = storeAt(path)
    unmount(path)
    expect(() => createDirectory({ store, path: "new", owner: mover })).toThrow(
      expect.objectContaining({ code: "unstable" }) as Error,
    )
    expect(existsSync(join(path, "new"))).toBe(false)
  })

  it("is not made where the filesystem is mounted read-only, and that is said with the remedy", () => {
    const store = storeAt()
    mountImage(ext4Image(), store.path, "ro")
    const readOnly = { ...store, mountPoint: store.path }
    expect(() => createDirectory({ store: readOnly, path: "new", owner: mover })).toThrow(
      expect.objectContaining({
        code: "unreadable",
        hint: "Mount the store's filesystem writable.",
      }) as Error,
    )
  })

  it("leaves nothing behind where a part of it cannot be made", () => {
    const path = storeAt().path
    mountImage(ext4Image(), path)
    const store = storeAt(path)
    useAllInodesBut(1, path)
    expect(() => createDirectory({ store, path: "one/two", owner: mover })).toThrow(
      expect.objectContaining({ code: "io", hint: "Make room on the store's filesystem." }) as Error,
    )
    expect(existsSync(join(path, "one"))).toBe(false)
  })

  it("is made in the tree and nowhere else while somebody swaps a directory on the way for a link", async () => {
    const store = storeAt()
    const precious = canary()
    const before = precious.state()
    const ns = join(store.path, "restic")
    mkdirSync(ns)
    const swaps = await swapping(ns, precious.path)
    let [made, refused] = [0, 0]
    for (let at = 0; (made < 500 || refused < 50) && at < 200_000; at++) {
      try {
        createDirectory({ store, path: `restic/n${at}`, owner: mover })
        made++
      } catch {
        refused++
      }
    }
    expect(await swaps.stop()).toBeGreaterThan(100)
    expect(precious.state()).toBe(before)
    // The race was one: sometimes it was there, sometimes it was the link, or nothing.
    expect(made).toBeGreaterThanOrEqual(500)
    expect(refused).toBeGreaterThanOrEqual(50)
  }, 120_000)
})
