import { execFileSync } from "node:child_process"
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { measureTree } from "../../../../storage/disk/index.js"
import { btrfsMount, subvolume } from "../../../support/btrfs.js"
import { canary, finish, storeAt, swapping } from "../../../support/directories.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, mountTmpfs } from "../../../support/mounts.js"

const MIB = 1024 * 1024

function du(path: string): number {
  return Number(execFileSync("du", ["-s", "-x", "--block-size=1", path], { encoding: "utf8" }).split("\t")[0])
}

/** A store on ext4 with a repository of some files in it. */
function filled() {
  const disk = join(scratch(), "disk")
  mountImage(ext4Image(32), disk)
  const store = storeAt(disk)
  const place = join(disk, "restic/media/radarr")
  for (const folder of ["data/00", "data/ff", "snapshots"])
    mkdirSync(join(place, folder), { recursive: true })
  writeFileSync(join(place, "data/00/pack"), Buffer.alloc(3 * MIB, 1))
  writeFileSync(join(place, "data/ff/pack"), Buffer.alloc(100, 1))
  for (let at = 0; at < 200; at++) writeFileSync(join(place, "snapshots", `s${at}`), "x")
  return { store, place, request: { store, path: "restic/media/radarr" } }
}

/** Whether a descriptor of this process is open on something below a directory. */
function leadsTo(descriptor: string, directory: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(directory)
  } catch {
    // The one by which the list was read.
    return false
  }
}

describe("a walk through a directory", () => {
  it("finds what du finds, files and folders counted", () => {
    const { place, request } = filled()
    expect(finish(measureTree(request))).toMatchObject({
      bytes: du(place),
      files: 207,
      unreadable: { count: 0 },
      elsewhere: { count: 0 },
    })
  })

  it("counts a file of several names once, and what is sparse by what it takes", () => {
    const { place, request } = filled()
    linkSync(join(place, "data/00/pack"), join(place, "data/ff/again"))
    execFileSync("truncate", ["-s", "1T", join(place, "sparse")])
    const { bytes } = finish(measureTree(request))
    expect(bytes).toBe(du(place))
    expect(bytes).toBeLessThan(5 * MIB)
  })

  it("follows no link, and crosses into no other filesystem, which it tells", () => {
    const { place, request } = filled()
    const outside = canary()
    symlinkSync(outside.path, join(place, "link"))
    symlinkSync("/", join(place, "root"))
    mkdirSync(join(place, "mount"))
    mountTmpfs(join(place, "mount"))
    writeFileSync(join(place, "mount/file"), Buffer.alloc(MIB, 1))
    const { bytes, elsewhere } = finish(measureTree(request))
    expect(elsewhere).toEqual({ count: 1, example: join(place, "mount") })
    expect(bytes).toBeLessThan(4 * MIB)
  })

  it("leaves subvolumes to themselves, as a quota does", () => {
    const disk = btrfsMount()
    const place = subvolume(join(disk, "repository"))
    subvolume(join(place, "inner"))
    writeFileSync(join(place, "inner/file"), Buffer.alloc(MIB, 1))
    const { elsewhere, files } = finish(measureTree({ store: storeAt(disk), path: "repository" }))
    expect(elsewhere).toMatchObject({ count: 1 })
    expect(files).toBe(1)
  })

  it("bears that files come, go, and change their kind meanwhile", () => {
    const { place, request } = filled()
    let rounds = 0
    const { files } = finish(measureTree(request), () => {
      rounds++
      if (rounds > 1) return
      rmSync(join(place, "data"), { recursive: true, force: true })
      renameSync(join(place, "snapshots"), join(place, "moved"))
      symlinkSync("/", join(place, "snapshots"))
    })
    expect(rounds).toBeGreaterThan(0)
    expect(files).toBeLessThan(250)
  })

  it("never leaves the directory while a folder in it is swapped with a link", async () => {
    const { place, request } = filled()
    const outside = scratch()
    for (let at = 0; at < 50; at++) mkdirSync(join(outside, `${at}/${at}`), { recursive: true })
    const swap = await swapping(join(place, "data"), outside)
    const counted: number[] = []
    for (let round = 0; round < 200; round++) counted.push(finish(measureTree(request)).files)
    expect(await swap.stop()).toBeGreaterThan(10)
    // A list that is read while the folder is renamed may have both its names: it is five entries. What the link leads to is a hundred.
    expect(Math.max(...counted)).toBeLessThanOrEqual(207 + 5)
  })

  it("ends with an error where folders are nested without end, and for what is no directory", () => {
    const { place, store, request } = filled()
    execFileSync("sh", [
      "-c",
      `cd "$1" && for i in $(seq 300); do mkdir d && cd -P d || exit; done`,
      "sh",
      place,
    ])
    expect(() => finish(measureTree(request))).toThrow("nested more than 200 deep")
    expect(() => finish(measureTree({ store, path: "restic/none" }))).toThrow("is not there")
    expect(() => finish(measureTree({ store, path: "restic/media/radarr/data/00/pack" }))).toThrow(
      "is a file",
    )
    expect(() => finish(measureTree({ store, path: "../x" }))).toThrow()
  })

  it("closes all it holds open when it is stopped half-way", () => {
    const { request } = filled()
    const open = () =>
      readdirSync("/proc/self/fd").filter((descriptor) => leadsTo(descriptor, request.store.path)).length
    for (let round = 0; round < 20; round++) {
      const steps = measureTree(request)
      expect(steps.next().done).toBe(false)
      steps.return(undefined as never)
    }
    expect(open()).toBe(0)
  })
})
