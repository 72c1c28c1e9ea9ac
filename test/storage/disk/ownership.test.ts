import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { sampleOwnership } from "../../../storage/disk/index.js"
import { scratch } from "../../support/fixtures.js"
import { requireRoot } from "../../support/mounts.js"

function tree(): { directory: string; file: (name: string) => string } {
  requireRoot()
  const directory = scratch()
  chownSync(directory, 568, 568)
  chmodSync(directory, 0o750)
  return {
    directory,
    file: (name) => {
      const path = join(directory, name)
      writeFileSync(path, "")
      chownSync(path, 568, 568)
      return path
    },
  }
}

describe("a look at whose a directory is", () => {
  it("tells the owner and the mode of the directory, and that all below it is of the same", () => {
    const { directory, file } = tree()
    for (let at = 0; at < 5; at++) file(`f${at}`)
    expect(sampleOwnership(directory, 100)).toMatchObject({
      uid: 568,
      gid: 568,
      mode: 0o750,
      looked: 6,
      owners: [{ uid: 568, gid: 568, count: 6 }],
      unreadable: undefined,
    })
  })

  it("finds a file of another user, also in a folder", () => {
    const { directory, file } = tree()
    mkdirSync(join(directory, "p"))
    chownSync(join(directory, "p"), 568, 568)
    const other = file("p/other")
    chownSync(other, 1000, 568)
    const { owners } = sampleOwnership(directory, 100)
    expect(owners).toEqual([
      { uid: 568, gid: 568, count: 2, example: directory },
      { uid: 1000, gid: 568, count: 1, example: other },
    ])
  })

  it("leaves out what a NAS and filesystems put there, and where links lead", () => {
    const { directory } = tree()
    for (const name of ["lost+found", "@eaDir", ".cistern"]) mkdirSync(join(directory, name))
    symlinkSync("/etc", join(directory, "link"))
    lchownSync(join(directory, "link"), 1, 1)
    expect(sampleOwnership(directory, 100)).toMatchObject({ looked: 1, owners: [{ uid: 568 }] })
  })

  it("looks at no more than it was told, and not at one folder alone", () => {
    const { directory, file } = tree()
    for (const name of ["a", "b", "c"]) {
      mkdirSync(join(directory, name))
      chownSync(join(directory, name), 568, 568)
      for (let at = 0; at < 100; at++) file(`${name}/${at}`)
    }
    expect(sampleOwnership(directory, 30).looked).toBe(30)
    chownSync(join(directory, "c"), 1, 1)
    expect(sampleOwnership(directory, 30).owners).toHaveLength(2)
  })

  it("fails where there is no directory", () => {
    expect(() => sampleOwnership(join(scratch(), "nowhere"), 10)).toThrow(
      expect.objectContaining({ code: "missing" }),
    )
  })
})
