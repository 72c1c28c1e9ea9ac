import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  createDirectory,
  lookAtDirectory,
  type NamedRights,
  parseNamedRights,
} from "../../../../storage/disk/index.js"
import { parseAcl } from "../../../../storage/disk/directories/acl.js"
import { btrfsMount } from "../../../support/btrfs.js"
import { canary, storeAt, swapping } from "../../../support/directories.js"
import { scratch } from "../../../support/fixtures.js"
import { ext4Image, mountImage, mountWithoutAcls } from "../../../support/mounts.js"

const named = (...entries: string[]): NamedRights[] =>
  entries.map((entry) => {
    const one = parseNamedRights(entry)
    if (one === undefined) throw new RangeError(entry)
    return one
  })

const acl = named("user:568:rwx", "group:3000:r-x")
const owner = { uid: 1000, gid: 2000, mode: 0o2750, acl }

/** Other users can come to it. */
function open(path: string): ReturnType<typeof storeAt> {
  chmodSync(dirname(path), 0o755)
  return storeAt(path)
}

function ext4Store(): ReturnType<typeof storeAt> {
  const path = join(scratch(), "disk")
  mountImage(ext4Image(), path)
  return open(path)
}

function btrfsStore(): ReturnType<typeof storeAt> {
  return open(btrfsMount())
}

/** By another program than the one that is tried, with another way of asking. */
function getfacl(path: string): string[] {
  const said = execFileSync("getfacl", ["-ncpE", path], { encoding: "utf8" })
  return said.split("\n").filter((line) => line !== "")
}

function as(user: number, group: number, script: string, ...args: string[]): boolean {
  try {
    const ids = [`--reuid=${user}`, `--regid=${group}`, "--clear-groups", "--"]
    execFileSync("setpriv", [...ids, "sh", "-euc", script, "sh", ...args], { stdio: "ignore" })
    return true
  } catch (error) {
    expect(error).toMatchObject({ status: expect.any(Number) as number })
    return false
  }
}

/** As it is where the package is not installed: no program of the name in any folder that is looked in. */
function without<T>(act: () => T): T {
  return withPath(scratch(), act)
}

function withPath<T>(folders: string, act: () => T): T {
  const path = process.env["PATH"]
  process.env["PATH"] = folders
  try {
    return act()
  } finally {
    process.env["PATH"] = path
  }
}

describe.each([
  ["ext4", ext4Store],
  ["btrfs", btrfsStore],
])("a directory with an access control list on %s", (_, newStore) => {
  it("has owner, mode, set-gid and both lists, and so have those above it that were made", () => {
    const store = newStore()
    const made = createDirectory({ store, path: "restic/media", owner })
    // The group's digit is the mask: what the group and all who are named may do together.
    const shown = { uid: 1000, gid: 2000, mode: 0o2770, made: true }
    expect(made).toEqual([
      { path: `${store.path}/restic`, ...shown },
      { path: `${store.path}/restic/media`, ...shown },
    ])
    const list = ["user::rwx", "user:568:rwx", "group::r-x", "group:3000:r-x", "mask::rwx", "other::---"]
    for (const { path } of made)
      expect(getfacl(path)).toEqual([...list, ...list.map((entry) => `default:${entry}`)])
  })

  it("lets those work who are named, on what is made in it too, and nobody else", () => {
    const store = newStore()
    createDirectory({ store, path: "kopia", owner })
    const place = join(store.path, "kopia")
    expect(as(568, 568, 'umask 077; mkdir "$1/made"; echo data > "$1/made/file"', place)).toBe(true)
    // By the owner, with the modes of a program that has no opinion: umask does not count where a default list is.
    expect(as(1000, 2000, 'umask 077; mkdir "$1/own"; echo data > "$1/own/file"', place)).toBe(true)
    expect(as(568, 568, 'echo more >> "$1/own/file"; echo new > "$1/own/new"', place)).toBe(true)
    expect(as(4000, 3000, 'cat "$1/own/file"', place)).toBe(true)
    expect(as(4000, 3000, 'echo more >> "$1/own/file"', place)).toBe(false)
    expect(as(4000, 3000, 'echo new > "$1/new"', place)).toBe(false)
    // The owning group has what the mode says, whatever stat shows.
    expect(as(4000, 2000, 'ls "$1"', place)).toBe(true)
    expect(as(4000, 2000, 'echo new > "$1/new"', place)).toBe(false)
    expect(as(4000, 4000, 'ls "$1"', place)).toBe(false)
    expect(statSync(join(place, "own/file")).gid).toBe(2000)
    expect(getfacl(join(place, "own"))).toContain("default:user:568:rwx")
  })

  it("gives a list above it nothing that was not declared", () => {
    const store = newStore()
    const above = join(store.path, "above")
    mkdirSync(above)
    execFileSync("setfacl", ["-m", "d:u:4242:rwx,d:g:4243:rwx", above])
    createDirectory({ store, path: "above/it", owner })
    expect(getfacl(join(above, "it")).filter((line) => line.includes("424"))).toEqual([])
  })
})

describe("a directory with an access control list", () => {
  it("knows the largest number of a user, and one who is named to be shut out", () => {
    const store = ext4Store()
    const largest = named("user:4294967294:r-x", "user:7:---", "user:0:rwx")
    createDirectory({ store, path: "it", owner: { ...owner, acl: largest } })
    expect(getfacl(join(store.path, "it"))).toEqual(
      expect.arrayContaining(["user:4294967294:r-x", "user:7:---", "default:user:0:rwx"]),
    )
  })

  it("that is there already keeps the list that it has", () => {
    const store = ext4Store()
    mkdirSync(join(store.path, "it"), { mode: 0o711 })
    createDirectory({ store, path: "it", owner })
    expect(getfacl(join(store.path, "it"))).toEqual(["user::rwx", "group::--x", "other::--x"])
  })

  it("is refused where the filesystem is mounted without them, and nothing is left behind", () => {
    const path = join(scratch(), "disk")
    mountWithoutAcls(path)
    const store = storeAt(path)
    expect(() => createDirectory({ store, path: "one/two", owner })).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: `the filesystem of ${store.path}/one has no POSIX access control lists`,
        hint: expect.stringContaining("Leave `acl` out") as string,
      }) as Error,
    )
    expect(existsSync(join(store.path, "one"))).toBe(false)
  })

  it("is refused where the program is missing, with its package, and nothing is left behind", () => {
    const store = ext4Store()
    const create = () => createDirectory({ store, path: "one/two", owner })
    expect(() => without(create)).toThrow(
      expect.objectContaining({
        code: "missing",
        hint: expect.stringContaining("Install the package acl") as string,
      }) as Error,
    )
    expect(existsSync(join(store.path, "one"))).toBe(false)
    // Who names nobody needs no program.
    const plain = { uid: 1000, gid: 2000, mode: 0o2750 }
    without(() => createDirectory({ store, path: "one", owner: plain }))
    expect(existsSync(join(store.path, "one"))).toBe(true)
  })

  it("is nobody's but its owner's until both lists are there", () => {
    const store = ext4Store()
    const programs = scratch()
    const seen = join(programs, "seen")
    // The real program, and what it finds.
    const script = `#!/bin/sh
for place; do :; done
{ stat -L -c '%u:%g %a' -- "$place"; getfacl -ncpE -- "$place"; } >> ${seen}
exec ${execFileSync("sh", ["-c", "command -v setfacl"], { encoding: "utf8" }).trim()} "$@"
`
    writeFileSync(join(programs, "setfacl"), script, { mode: 0o755 })
    withPath(`${programs}:${process.env["PATH"] ?? ""}`, () => createDirectory({ store, path: "it", owner }))
    const closed = ["user::rwx", "group::---", "other::---"]
    const inherited = getfacl(join(store.path, "it")).filter((line) => line.startsWith("default:"))
    expect(inherited).toHaveLength(6)
    expect(readFileSync(seen, "utf8").split("\n").filter(Boolean)).toEqual([
      "0:0 700",
      ...closed,
      // Its owner comes in when what is made there inherits already.
      "1000:2000 700",
      ...closed,
      ...inherited,
    ])
  })

  it("is refused where what was set is not there when it is read back, and nothing is left behind", () => {
    const store = ext4Store()
    const programs = scratch()
    // As a filesystem would that takes a list and drops it.
    writeFileSync(join(programs, "setfacl"), "#!/bin/sh\nexit 0\n", { mode: 0o755 })
    const create = () => createDirectory({ store, path: "one/two", owner })
    expect(() => withPath(`${programs}:${process.env["PATH"] ?? ""}`, create)).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: expect.stringContaining("does not keep the access control list") as string,
      }) as Error,
    )
    expect(existsSync(join(store.path, "one"))).toBe(false)
  })

  it("is made in the tree and nowhere else while somebody swaps a directory on the way for a link", async () => {
    const store = ext4Store()
    const precious = canary()
    const before = [precious.state(), getfacl(precious.path)]
    const ns = join(store.path, "restic")
    mkdirSync(ns)
    const swaps = await swapping(ns, precious.path)
    let [made, refused] = [0, 0]
    for (let at = 0; (made < 20 || refused < 5) && at < 20_000; at++) {
      try {
        createDirectory({ store, path: `restic/n${at}`, owner })
        made++
      } catch {
        refused++
      }
    }
    expect(await swaps.stop()).toBeGreaterThan(100)
    expect([precious.state(), getfacl(precious.path)]).toEqual(before)
    expect(made).toBeGreaterThanOrEqual(20)
    expect(refused).toBeGreaterThanOrEqual(5)
  }, 120_000)
})

describe("a look at a directory", () => {
  it("tells its lists when asked, and does not follow a link to another's", () => {
    const store = ext4Store()
    createDirectory({ store, path: "it", owner })
    symlinkSync(join(store.path, "it"), join(store.path, "link"))
    expect(lookAtDirectory({ store, path: "it", most: 1 }).acl).toBeUndefined()
    const list = { user: 7, group: 5, other: 0, mask: 7, named: acl }
    expect(lookAtDirectory({ store, path: "it", most: 1, acl: true }).acl).toEqual({
      kind: "read",
      access: list,
      inherited: list,
    })
    expect(() => lookAtDirectory({ store, path: "link", most: 1, acl: true })).toThrow(
      expect.objectContaining({ code: "corrupt" }) as Error,
    )
  })

  it("says that the list is unknown where the program is missing, and tells the rest all the same", () => {
    const store = ext4Store()
    createDirectory({ store, path: "it", owner })
    expect(without(() => lookAtDirectory({ store, path: "it", most: 1, acl: true }))).toMatchObject({
      uid: 1000,
      acl: { kind: "unknown", why: "there is no program getfacl" },
    })
  })

  it.each([
    [""],
    ["user::rwx\nother::---\n"],
    ["user::rwx\nuser::rwx\ngroup::r-x\nother::---\n"],
    ["user::rwx\ngroup::r-x\nother::---\nuser:backup:rwx\n"],
    ["user::rwx\ngroup::r-x\nother::---\nsomething else\n"],
    ["user::rwx\ngroup::r-x\nother::---\ndefault:user::rwx\n"],
    ["user::rwx\ngroup::rwX\nother::---\n"],
  ])("does not guess what %j means", (text) => {
    expect(parseAcl(text)).toBeUndefined()
  })
})
