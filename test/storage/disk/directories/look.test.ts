import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { lookAtDirectory, may, READ, WRITE, ENTER } from "../../../../storage/disk/index.js"
import { canary, storeAt } from "../../../support/directories.js"
import { ext4Image, mountImage, requireRoot } from "../../../support/mounts.js"

function put(path: string, owner: [number, number], mode: number): void {
  writeFileSync(path, "")
  chownSync(path, ...owner)
  chmodSync(path, mode)
}

describe("a look at a directory", () => {
  it("tells whose it is, whose the ones above are, and who wrote what lies below", () => {
    requireRoot()
    const store = storeAt()
    const directory = join(store.path, "restic/radarr")
    mkdirSync(directory, { recursive: true })
    chownSync(join(store.path, "restic"), 0, 568)
    chmodSync(join(store.path, "restic"), 0o750)
    chownSync(directory, 568, 568)
    chmodSync(directory, 0o700)
    mkdirSync(join(directory, "keys"), { mode: 0o700 })
    chownSync(join(directory, "keys"), 568, 568)
    put(join(directory, "config"), [568, 568], 0o400)
    put(join(directory, "keys/a"), [568, 568], 0o400)
    put(join(directory, "keys/b"), [1000, 1000], 0o600)
    expect(
      lookAtDirectory({ store: { ...store, mounts: undefined }, path: "restic/radarr", most: 100 }),
    ).toEqual({
      path: directory,
      uid: 568,
      gid: 568,
      mode: 0o700,
      above: [
        { path: store.path, uid: 0, gid: 0, mode: 0o755 },
        { path: `${store.path}/restic`, uid: 0, gid: 568, mode: 0o750 },
      ],
      looked: 4,
      below: [
        { uid: 568, gid: 568, mode: 0o400, kind: "file", count: 2, example: `${directory}/config` },
        { uid: 568, gid: 568, mode: 0o700, kind: "directory", count: 1, example: `${directory}/keys` },
        { uid: 1000, gid: 1000, mode: 0o600, kind: "file", count: 1, example: `${directory}/keys/b` },
      ],
      unreadable: undefined,
    })
  })

  it("follows no link, enters no other filesystem, and looks at no more than it was told", () => {
    const store = storeAt()
    const directory = join(store.path, "kopia")
    mkdirSync(directory)
    const precious = canary()
    symlinkSync(precious.path, join(directory, "link"))
    mountImage(ext4Image(), join(directory, "mounted"))
    put(join(directory, "mounted/other"), [7, 7], 0o600)
    put(join(directory, "file"), [568, 568], 0o600)
    linkSync(join(directory, "file"), join(directory, "name"))
    execFileSync("mkfifo", [join(directory, "fifo")])
    const all = lookAtDirectory({ store: { ...store, mounts: undefined }, path: "kopia", most: 100 })
    expect(all.looked).toBe(3)
    expect(all.below.map(({ uid, kind, count }) => [uid, kind, count])).toEqual([
      [568, "file", 2],
      [0, "other", 1],
    ])
    for (let at = 0; at < 100; at++) put(join(directory, `f${at}`), [568, 568], 0o600)
    expect(lookAtDirectory({ store, path: "kopia", most: 5 }).looked).toBe(5)
  })

  it("says that a directory is not there, or is none", () => {
    const store = storeAt()
    writeFileSync(join(store.path, "file"), "")
    symlinkSync(".", join(store.path, "link"))
    const look = (path: string) => () => lookAtDirectory({ store, path, most: 5 })
    expect(look("none")).toThrow(expect.objectContaining({ code: "missing" }) as Error)
    expect(look("file")).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
    expect(look("link")).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
  })
})

describe("who may do what", () => {
  it("is decided by the first of owner, group and others that fits", () => {
    const mover = { uid: 568, gid: 568 }
    const of = (uid: number, gid: number, mode: number) =>
      may(mover, { uid, gid, mode }, READ | WRITE | ENTER)
    expect(of(568, 568, 0o700)).toBe(true)
    expect(of(568, 568, 0o077)).toBe(false)
    expect(of(1000, 568, 0o770)).toBe(true)
    expect(of(1000, 568, 0o707)).toBe(false)
    expect(of(1000, 1000, 0o775)).toBe(false)
    expect(of(1000, 1000, 0o777)).toBe(true)
    expect(may({ uid: 0, gid: 0 }, { uid: 568, gid: 568, mode: 0 }, WRITE)).toBe(true)
  })
})
