import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { Pinned } from "../../../../storage/disk/directories/pinned.js"
import { canary, ownersBelow } from "../../../support/directories.js"
import { scratch } from "../../../support/fixtures.js"
import { requireRoot } from "../../../support/mounts.js"

describe("a directory that is held open", () => {
  it("stays what it was, whatever has its name by now: its names, what is in it, and what is done to it", () => {
    requireRoot()
    const top = scratch()
    const path = join(top, "directory")
    mkdirSync(path)
    for (const name of ["file", "own"]) writeFileSync(join(path, name), "")
    const precious = canary()
    const before = precious.state()
    const held = Pinned.directoryAt(path)
    const { inode } = held.look()
    renameSync(path, join(top, "moved"))
    symlinkSync(precious.path, path)

    expect(held.names()).toEqual(["file", "own"])
    expect(held.someNames(5, (name) => name !== "own")).toEqual(["file"])
    expect(held.child("inner")).toBeUndefined()
    const file = held.child("file")
    file?.chown(568, 568)
    file?.chmod(0o640)
    held.chown(1000, 1000)
    held.chmod(0o711)
    held.sync()
    mkdirSync(held.under("made"))
    expect(held.look()).toMatchObject({ inode, uid: 1000, mode: 0o711 })
    for (const one of [held, file]) one?.close()
    expect(precious.state()).toBe(before)
    expect(ownersBelow(join(top, "moved"))).toMatchObject({
      ".": "1000:1000 711",
      file: "568:568 640",
      own: "0:0 644",
      made: expect.any(String) as string,
    })
  })

  it("is no link, though one leads to it", () => {
    const top = scratch()
    symlinkSync(scratch(), join(top, "link"))
    expect(() => Pinned.directoryAt(join(top, "link"))).toThrow(
      expect.objectContaining({ code: "missing" }) as Error,
    )
    const above = Pinned.directoryAt(top)
    const link = above.child("link")
    expect(link?.look().kind).toBe("link")
    for (const one of [above, link]) one?.close()
  })
})
