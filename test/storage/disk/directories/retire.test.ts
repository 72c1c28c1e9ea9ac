import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  lookBeforeRetiring,
  purgeDirectory,
  quarantineId,
  restoreDirectory,
  retireDirectory,
  retiredIn,
  type StoreRoot,
} from "../../../../storage/disk/index.js"
import { compiled } from "../../../support/compiled.js"
import { canary, finish, ownersBelow, storeAt, swapping } from "../../../support/directories.js"
import { ext4Image, mountBind, mountImage, requireRoot, unmount } from "../../../support/mounts.js"

const now = new Date("2026-11-21T03:00:00Z")
const later = new Date("2026-12-22T03:00:00Z")

function storeWith(path = "restic/media/radarr") {
  requireRoot()
  const store = storeAt()
  const directory = join(store.path, path)
  mkdirSync(join(directory, "keys"), { recursive: true })
  writeFileSync(join(directory, "config"), "config")
  writeFileSync(join(directory, "keys/key"), "key")
  chownSync(directory, 568, 568)
  return { store, directory, path }
}

function retire(store: StoreRoot, path: string, at = now) {
  const { inode } = lookBeforeRetiring(store, path)
  return retireDirectory({
    store,
    path,
    inode,
    record: {
      id: quarantineId(path, at),
      retiredAt: at.toISOString(),
      by: "test",
      holdUntil: new Date(at.getTime() + 30 * 86_400_000).toISOString(),
    },
  })
}

describe("a retired directory", () => {
  it("lies whole in the store's quarantine, which only its owner enters, with what is known of it", () => {
    const { store, directory, path } = storeWith()
    const { inode } = lookBeforeRetiring(store, path)
    const record = retire(store, path)
    expect(record).toEqual({
      id: "20261121T030000Z-radarr",
      path,
      inode,
      retiredAt: "2026-11-21T03:00:00.000Z",
      by: "test",
      holdUntil: "2026-12-21T03:00:00.000Z",
      purging: false,
    })
    expect(existsSync(directory)).toBe(false)
    const quarantine = join(store.path, ".cistern/quarantine")
    expect(ownersBelow(quarantine)).toMatchObject({
      ".": "0:0 700",
      "20261121T030000Z-radarr": "568:568 755",
    })
    expect(readFileSync(join(quarantine, record.id, "keys/key"), "utf8")).toBe("key")
    expect(retiredIn(store)).toEqual([{ id: record.id, record }])
  })

  it("comes back to its place, the very same", () => {
    const { store, directory, path } = storeWith()
    const { inode } = lookBeforeRetiring(store, path)
    const { id } = retire(store, path)
    expect(restoreDirectory(store, id)).toMatchObject({ path })
    expect(lookBeforeRetiring(store, path).inode).toBe(inode)
    expect(readFileSync(join(directory, "config"), "utf8")).toBe("config")
    expect(readdirSync(join(store.path, ".cistern/quarantine"))).toEqual([])
    expect(restoreDirectory(store, id)).toBeUndefined()
  })

  it("does not come back over what is there now, be it an empty directory or a link", () => {
    const { store, directory, path } = storeWith()
    const { id } = retire(store, path)
    mkdirSync(directory)
    expect(() => restoreDirectory(store, id)).toThrow("is taken")
    execFileSync("rmdir", [directory])
    symlinkSync("/nonexistent", directory)
    expect(() => restoreDirectory(store, id)).toThrow("is taken")
    expect(retiredIn(store)).toHaveLength(1)
  })

  it("keeps apart from another of the same name", () => {
    const { store, path } = storeWith()
    retire(store, path)
    mkdirSync(join(store.path, path))
    expect(() => retire(store, path)).toThrow(expect.objectContaining({ code: "unstable" }) as Error)
    retire(store, path, new Date(now.getTime() + 1_000))
    expect(retiredIn(store).map(({ id }) => id)).toEqual([
      "20261121T030001Z-radarr",
      "20261121T030000Z-radarr",
    ])
  })

  it("has an id of harmless letters, whatever its name", () => {
    expect(quarantineId("a/b c\u00fc;rm -rf~record.json", now)).toBe(
      "20261121T030000Z-b_c__rm_-rf_record.json",
    )
    const { store, path } = storeWith("odd/x~record.json")
    const { id } = retire(store, path)
    expect(retiredIn(store).map((one) => one.id)).toEqual([id])
    expect(restoreDirectory(store, id)).toMatchObject({ path })
  })
})

describe("what is not moved", () => {
  it("is a mounted filesystem, and what one is mounted in", () => {
    const { store, directory, path } = storeWith()
    const look = (path: string) => () => lookBeforeRetiring({ ...store, mounts: undefined }, path)
    mountImage(ext4Image(), join(directory, "inner"))
    expect(look(path)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error)
    expect(look(`${path}/inner`)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error)
    unmount(join(directory, "inner"))
    // Of the same device: only the table of mounts tells.
    mountBind(join(directory, "keys"), join(directory, "inner"))
    expect(look(path)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error)
    expect(look(`${path}/inner`)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error)
  })

  it("is on another filesystem than the store's own folder", () => {
    const { store } = storeWith()
    mountImage(ext4Image(), join(store.path, "data"))
    mkdirSync(join(store.path, "data/app"))
    expect(() => retire({ ...store, mounts: [join(store.path, "data")] }, "data/app")).toThrow(
      expect.objectContaining({ code: "unsupported" }) as Error,
    )
    expect(readdirSync(join(store.path, "data"))).toContain("app")
    expect(retiredIn(store)).toEqual([])
  })

  it("is another directory than the one that was agreed to", () => {
    const { store, directory, path } = storeWith()
    const { inode } = lookBeforeRetiring(store, path)
    renameSync(directory, `${directory}.old`)
    mkdirSync(directory)
    const record = { id: quarantineId(path, now), retiredAt: "", by: "", holdUntil: now.toISOString() }
    expect(() => retireDirectory({ store, path, inode, record })).toThrow(
      expect.objectContaining({ code: "unstable" }) as Error,
    )
    expect(existsSync(directory)).toBe(true)
  })

  it("is the quarantine, and anything by a path that leaves the store", () => {
    const { store, path } = storeWith()
    const { id } = retire(store, path)
    for (const bad of [".cistern", `.cistern/quarantine/${id}`, "..", "restic/../.cistern"])
      expect(() => lookBeforeRetiring(store, bad), bad).toThrow(
        expect.objectContaining({ code: "invalid" }) as Error,
      )
  })

  it("is what a link in its place leads to, while somebody swaps the two", async () => {
    const { store, directory, path } = storeWith()
    const precious = canary()
    const before = precious.state()
    const swaps = await swapping(directory, precious.path)
    let [moved, refused] = [0, 0]
    for (let at = 0; (moved < 10 || refused < 50) && at < 200_000; at++) {
      try {
        const { id } = retire(store, path, new Date(now.getTime() + at * 1_000))
        moved++
        expect(lstatSync(join(store.path, ".cistern/quarantine", id)).isDirectory()).toBe(true)
        for (let back = false; !back;) back = attempt(() => restoreDirectory(store, id))
      } catch (error) {
        expect(error).toMatchObject({ name: "StorageError" })
        refused++
      }
    }
    expect(await swaps.stop()).toBeGreaterThan(100)
    expect(precious.state()).toBe(before)
    expect(moved).toBeGreaterThanOrEqual(10)
    expect(refused).toBeGreaterThanOrEqual(50)
    // Links that came along by mistake, and whose place was taken when they were to be put back, can be purged.
    for (const { id, record } of retiredIn(store)) {
      expect(lstatSync(join(store.path, ".cistern/quarantine", id)).isSymbolicLink()).toBe(true)
      expect(record).toBeDefined()
      finish(purgeDirectory(store, id, new Date("2027-12-31T00:00:00Z")))
    }
    expect(readdirSync(join(store.path, ".cistern/quarantine"))).toEqual([])
    expect(precious.state()).toBe(before)
    expect(readFileSync(join(directory, "keys/key"), "utf8")).toBe("key")
  }, 120_000)
})

function attempt(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

describe("what is deleted", () => {
  it("is nothing before the holding period is over", () => {
    const { store, path } = storeWith()
    const { id } = retire(store, path)
    const before = ownersBelow(store.path)
    const soon = new Date("2026-12-21T02:59:59Z")
    expect(() => finish(purgeDirectory(store, id, soon))).toThrow("is held until 2026-12-21T03:00:00.000Z")
    expect(ownersBelow(store.path)).toEqual(before)
  })

  it("is that one directory, and nothing that its links lead to or that has further names", () => {
    const { store, directory, path } = storeWith()
    const precious = canary()
    const before = precious.state()
    symlinkSync(precious.path, join(directory, "link"))
    symlinkSync(join(precious.path, "file"), join(directory, "keys/link"))
    linkSync(join(directory, "config"), join(store.path, "kept"))
    writeFileSync(Buffer.from(`${directory}/line\nend`), "")
    execFileSync("mkfifo", [join(directory, "fifo")])
    const { id } = retire(store, path)
    mkdirSync(join(store.path, "restic/media/other"))
    retire(store, "restic/media/other")
    expect(finish(purgeDirectory(store, id, later))).toMatchObject({ record: { id }, deleted: 7 })
    expect(precious.state()).toBe(before)
    expect(readFileSync(join(store.path, "kept"), "utf8")).toBe("config")
    expect(retiredIn(store).map((one) => one.id)).toEqual(["20261121T030000Z-other"])
    expect(finish(purgeDirectory(store, id, later))).toBeUndefined()
  })

  it.each(["..", "../../restic", ".", "20261121T030000Z-../../restic", "20261121T030000Z-none", ""])(
    "is nothing under the id %j",
    (id) => {
      const { store, path } = storeWith()
      retire(store, path)
      const before = ownersBelow(store.path)
      expect(finish(purgeDirectory(store, id, later))).toBeUndefined()
      expect(ownersBelow(store.path)).toEqual(before)
    },
  )

  it("is nothing while a filesystem is mounted in it, of the same device too", () => {
    const { store, path } = storeWith()
    mkdirSync(join(store.path, "precious"))
    writeFileSync(join(store.path, "precious/file"), "")
    const { id } = retire(store, path)
    mountBind(join(store.path, "precious"), join(store.path, ".cistern/quarantine", id, "keys"))
    const before = ownersBelow(store.path)
    expect(() => finish(purgeDirectory(store, id, later))).toThrow("is mounted at")
    expect(ownersBelow(store.path)).toEqual(before)
  })

  it("is not what was mounted in it after the deletion began", () => {
    const { store, directory, path } = storeWith()
    for (let at = 0; at < 200; at++) writeFileSync(join(directory, `a${at}`), "")
    mkdirSync(join(store.path, "precious"))
    writeFileSync(join(store.path, "precious/file"), "")
    const { id } = retire(store, path)
    let mounted = false
    const act = () =>
      finish(purgeDirectory(store, id, later), () => {
        if (mounted) return
        mounted = true
        mountBind(join(store.path, "precious"), join(store.path, ".cistern/quarantine", id, "keys"))
      })
    expect(act).toThrow("another filesystem is mounted at")
    expect(existsSync(join(store.path, "precious/file"))).toBe(true)
    unmount(join(store.path, ".cistern/quarantine", id, "keys"))
    // Half of it is gone: it may only go on being deleted.
    expect(() => restoreDirectory(store, id)).toThrow("is being deleted")
    expect(finish(purgeDirectory(store, id, later))).toMatchObject({ record: { purging: true } })
    expect(retiredIn(store)).toEqual([])
  })

  it("is not another directory that was put under that id, nor by a record that somebody else wrote", () => {
    const { store, path } = storeWith()
    const { id } = retire(store, path)
    const place = join(store.path, ".cistern/quarantine", id)
    renameSync(place, `${place}.aside`)
    mkdirSync(place)
    expect(() => finish(purgeDirectory(store, id, later))).toThrow(
      expect.objectContaining({ code: "unstable" }) as Error,
    )
    chownSync(`${place}~record.json`, 568, 568)
    expect(() => finish(purgeDirectory(store, id, later))).toThrow(
      expect.objectContaining({ code: "corrupt" }) as Error,
    )
    expect(retiredIn(store)).toContainEqual({ id, record: undefined })
  })

  it("goes on after it was killed, and nothing else goes", async () => {
    const { store, directory, path } = storeWith()
    for (let at = 0; at < 1_000; at++) writeFileSync(join(directory, `a${at}`), "")
    const { id } = retire(store, path)
    mkdirSync(join(store.path, "kept"))
    const code = compiled("storage")
    const script = `
      import { purgeDirectory } from ${JSON.stringify(join(code, "storage/disk/index.js"))}
      const steps = purgeDirectory(${JSON.stringify(store)}, ${JSON.stringify(id)}, new Date(${later.getTime()}))
      for (let at = 0; at < 5; at++) steps.next()
      process.kill(process.pid, "SIGKILL")`
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" })
    await once(child, "close")
    const left = readdirSync(join(store.path, ".cistern/quarantine", id)).length
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(1_000)
    finish(purgeDirectory(store, id, later))
    expect(readdirSync(join(store.path, ".cistern/quarantine"))).toEqual([])
    expect(readdirSync(store.path).sort()).toEqual([".cistern", "kept", "restic"])
  })
})
