import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { type Survey, type SurveyLimits, surveyTree } from "../../../storage/survey/index.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import {
  ext4Image,
  mountBind,
  mountFailingDisk,
  mountHung,
  mountImage,
  mountTmpfs,
} from "../../support/mounts.js"
import { putRepository } from "../../support/put-repository.js"

const generous: SurveyLimits = {
  depth: 16,
  namesInFolder: 20_000,
  names: 1_000_000,
  now: () => 0,
  deadline: 1,
}

function survey(directory: string, limits: Partial<SurveyLimits> = {}): Survey {
  return surveyTree(directory, { ...generous, ...limits })
}

function folder(...parts: string[]): string {
  const path = join(...parts)
  mkdirSync(path, { recursive: true })
  return path
}

function paths({ repositories }: Survey): string[] {
  return repositories.map(({ path, engines }) => `${engines.join("+")} ${path}`)
}

function codes({ unlooked }: Survey): string[] {
  return unlooked.map(({ path, code }) => `${code} ${path}`)
}

describe("a survey finds repositories", () => {
  it("of both engines at any depth, and goes into none of them", () => {
    const tree = scratch()
    putRepository("kopia/format-3", join(tree, "kopia"))
    putRepository("restic/movers", join(tree, "a/b/c/restic"))
    // Within another one it is that one's business, and said by its listing.
    putRepository("restic/two-keys", join(tree, "kopia/inner"))
    const found = survey(tree)
    expect(paths(found)).toEqual([
      "kopia kopia",
      "restic a/b/c/restic/databases/postgres",
      "restic a/b/c/restic/home/home-assistant",
      "restic a/b/c/restic/home/initialised-only",
      "restic a/b/c/restic/media/radarr",
      "restic a/b/c/restic/media/sonarr",
    ])
    expect(found.unlooked).toEqual([])
  })

  it("at the place itself", () => {
    expect(paths(survey(fixture("kopia/pbkdf2")))).toEqual(["kopia "])
    expect(paths(survey(fixture("restic/two-keys")))).toEqual(["restic "])
  })

  it("in the layout of a bucket", () => {
    expect(paths(survey(fixture("kopia/s3-flat")))).toEqual(["kopia backups/cluster-a"])
    expect(paths(survey(fixture("kopia/s3-blob-retention")))).toEqual(["kopia locked"])
  })

  it("by their marks where a folder has more names than are read", () => {
    const flat = fixtureCopy("kopia/pbkdf2")
    for (let at = 0; at < 40; at++) writeFileSync(join(flat, `p${String(at).padStart(32, "0")}-s1.f`), "")
    const found = survey(flat, { namesInFolder: 3 })
    expect(paths(found)).toEqual(["kopia "])
  })

  it.each([
    ["the format block lost", "kopia/format-3", "kopia.repository.f", "kopia "],
    ["the keys lost", "restic/two-keys", "keys", "restic "],
    ["the config lost", "restic/two-keys", "config", "restic "],
  ])("with %s", (_, name, lost, expected) => {
    const directory = fixtureCopy(name)
    rmSync(join(directory, lost), { recursive: true })
    expect(paths(survey(directory))).toEqual([expected])
  })

  it("that are two in one place", () => {
    const directory = fixtureCopy("kopia/format-3")
    putRepository("restic/two-keys", directory)
    expect(paths(survey(directory))).toEqual(["kopia+restic "])
  })

  it("whose mark is a link, which it names and nobody opens", () => {
    const directory = fixtureCopy("kopia/format-3")
    rmSync(join(directory, ".shards"))
    symlinkSync("/etc/hostname", join(directory, ".shards"))
    expect(survey(directory).repositories).toEqual([{ path: "", engines: ["kopia"], irregular: ".shards" }])
  })
})

describe("a survey takes for no repository", () => {
  it("an application's own config, data and kopia files", () => {
    const tree = scratch()
    writeFileSync(join(folder(tree, "app/data"), "x"), "")
    writeFileSync(join(tree, "app/config"), "")
    writeFileSync(join(folder(tree, "ui"), "kopia.config"), "")
    const found = survey(tree)
    expect(found.repositories).toEqual([])
    expect(found.withFiles).toEqual(["app", "ui", "app/data"])
  })

  it("a tree in which kopia only looked, and goes on below it", () => {
    const tree = scratch()
    writeFileSync(join(tree, ".shards"), "{}")
    putRepository("restic/two-keys", join(tree, "media/radarr"))
    const found = survey(tree)
    expect(paths(found)).toEqual(["restic media/radarr"])
    expect(found.strayShards).toEqual([""])
  })

  it("what the rclone mover copied, whatever lies in it", () => {
    const tree = scratch()
    writeFileSync(join(folder(tree, "media/plex"), "permissions.facl"), "")
    putRepository("restic/two-keys", join(tree, "media/plex/app"))
    const found = survey(tree)
    expect({ copies: found.copies, repositories: found.repositories }).toEqual({
      copies: ["media/plex"],
      repositories: [],
    })
  })

  it("what a NAS, a filesystem or Cistern put there", () => {
    const tree = scratch()
    for (const name of [
      "lost+found",
      "@eaDir",
      "#recycle",
      "#snapshot",
      ".zfs",
      ".snapshot",
      ".snapshots",
      ".nfs0001",
      ".cistern",
    ]) {
      putRepository("restic/two-keys", join(tree, name, "x"))
    }
    const found = survey(tree)
    expect(found.repositories).toEqual([])
    expect(found.empty).toEqual([""])
    expect(found.folders).toBe(1)
  })
})

describe("a survey goes no further than its limits, and says what it left out:", () => {
  function deep(levels: number): string {
    const tree = scratch()
    folder(tree, ...Array.from({ length: levels }, (_, at) => `l${at}`))
    return tree
  }

  it("depth", () => {
    const found = survey(deep(6), { depth: 3 })
    expect(found.folders).toBe(4)
    expect(codes(found)).toEqual(["limit l0/l1/l2/l3"])
    expect(survey(deep(6), { depth: 6 }).unlooked).toEqual([])
  })

  it("names of one folder", () => {
    const tree = scratch()
    for (let at = 0; at < 30; at++) folder(tree, `d${at}`)
    const found = survey(tree, { namesInFolder: 10 })
    expect(found.unlooked).toEqual([
      { path: "", code: "limit", message: "only 10 names of it were looked at, there are more" },
    ])
    expect(found.folders).toBe(11)
    expect(survey(tree, { namesInFolder: 30 }).unlooked).toEqual([])
  })

  it("names altogether, of many folders how many", () => {
    const tree = scratch()
    for (let at = 0; at < 30; at++) writeFileSync(join(folder(tree, `d${at}`), "x"), "")
    const found = survey(tree, { names: 31 })
    expect(found.names).toBe(31)
    expect(found.unlooked).toHaveLength(21)
    expect(found.unlooked.at(-1)?.message).toBe(
      "9 more folders were not looked into: 31 names were read before",
    )
  })

  it("time", () => {
    let looks = 0
    const found = survey(deep(6), { now: () => looks++, deadline: 3 })
    expect(found.folders).toBe(3)
    expect(found.unlooked).toEqual([
      { path: "l0/l1/l2", code: "limit", message: "not looked into: the time was over" },
    ])
  })

  it("a hundred thousand names in one folder", () => {
    const tree = scratch()
    const many = folder(tree, "many")
    execFileSync("sh", ["-c", "seq 100000 | xargs touch"], { cwd: many })
    putRepository("restic/two-keys", join(tree, "z/media/radarr"))
    const found = survey(tree)
    expect(codes(found)).toEqual(["limit many"])
    expect(paths(found)).toEqual(["restic z/media/radarr"])
    expect(found.names).toBeLessThan(20_100)
  })
})

describe("a survey of a hostile tree", () => {
  it("follows no link, opens no fifo or device, and ends", () => {
    const tree = scratch()
    const outside = putRepository("restic/two-keys", join(scratch(), "outside"))
    symlinkSync(".", join(tree, "loop"))
    symlinkSync(outside, join(tree, "link"))
    execFileSync("mkfifo", [join(tree, "fifo")])
    execFileSync("mknod", [join(tree, "null"), "c", "1", "3"])
    const found = survey(tree)
    expect(found).toMatchObject({ repositories: [], unlooked: [], folders: 1 })
  })

  it("copes with any name that a folder can have", () => {
    const tree = scratch()
    const names = [
      "line\nbreak",
      "quo\"te'",
      "esc\u001b[31m",
      "a: b",
      "# c",
      "\u202e",
      "x".repeat(255),
      "$(id)",
    ]
    for (const name of names) putRepository("restic/two-keys", join(tree, name))
    expect(new Set(survey(tree).repositories.map(({ path }) => path))).toEqual(new Set(names))
  })

  it("says that a folder has a name that nothing can write", () => {
    const tree = scratch()
    mkdirSync(Buffer.concat([Buffer.from(`${tree}/bad`), Buffer.from([0xff])]))
    const found = survey(tree)
    expect(codes(found)).toEqual(["name "])
    expect(found.empty).toEqual([])
  })

  it("says that a path is too long", () => {
    const tree = scratch()
    // One level at a time: no call takes the whole path.
    const script =
      'for (let i = 0; i < 20; i++) { fs.mkdirSync("d".repeat(250)); process.chdir("d".repeat(250)) }'
    execFileSync(process.execPath, ["-e", script], { cwd: tree })
    const found = survey(tree, { depth: 30 })
    expect(found.unlooked).toHaveLength(1)
    expect(found.unlooked[0]?.message).toContain("ENAMETOOLONG")
    execFileSync("rm", ["-rf", join(tree, "d".repeat(250))])
  })

  it("says which folder may not be read, and whose it is", () => {
    const tree = scratch()
    const closed = folder(tree, "closed/radarr")
    putRepository("restic/two-keys", join(tree, "open"))
    chmodSync(closed, 0o700)
    chmodSync(join(tree, "closed"), 0o710)
    execFileSync("chown", ["1234:5678", join(tree, "closed")])
    chmodSync(tree, 0o755)
    const found = asNobody(tree)
    expect(found.unlooked).toEqual([
      {
        path: "closed",
        code: "unreadable",
        message: `${join(tree, "closed")} may not be read: it belongs to 1234:5678 with mode 0710`,
      },
    ])
    expect(found.repositories).toHaveLength(1)
  })

  it("says that a disk fails", () => {
    const tree = scratch()
    const disk = mountFailingDisk(join(tree, "disk"), 16)
    // Each takes a block, so that most of them lie in the part that fails.
    for (let at = 0; at < 800; at++) folder(tree, "disk", `d${at}`)
    disk.fail()
    const found = survey(tree)
    expect(new Set(found.unlooked.map(({ code }) => code))).toEqual(new Set(["io"]))
  })

  it("is an error only where the place itself cannot be looked at", () => {
    expect(() => survey(join(scratch(), "nowhere"))).toThrow(expect.objectContaining({ code: "missing" }))
    const file = join(scratch(), "file")
    writeFileSync(file, "")
    expect(() => survey(file)).toThrow(expect.objectContaining({ code: "missing" }))
  })
})

/** The survey in a process of a user who may not read everything. */
function asNobody(directory: string): Survey {
  const before = [process.getegid?.() ?? 0, process.geteuid?.() ?? 0] as const
  process.setegid?.(65_534)
  process.seteuid?.(65_534)
  try {
    return survey(directory)
  } finally {
    process.seteuid?.(before[1])
    process.setegid?.(before[0])
  }
}

describe("a survey among mounts", () => {
  it("crosses into filesystems of this machine, and says so", () => {
    const tree = scratch()
    mountImage(ext4Image(16), join(tree, "disk"))
    putRepository("restic/two-keys", join(tree, "disk/media/radarr"))
    const found = survey(tree)
    expect(paths(found)).toEqual(["restic disk/media/radarr"])
    expect(found.crossed).toMatchObject([{ path: join(found.top.realPath, "disk"), type: "ext4" }])
  })

  it("looks at a directory once that is mounted twice", () => {
    const tree = scratch()
    putRepository("restic/two-keys", join(tree, "a/radarr"))
    mountBind(join(tree, "a"), join(tree, "b"))
    const found = survey(tree)
    expect(paths(found)).toEqual(["restic a/radarr"])
    expect(codes(found)).toEqual(["seen b"])
  })

  it("never touches a network filesystem below, which may not answer", () => {
    const tree = scratch()
    mountHung(join(tree, "dead"))
    mountTmpfs(join(tree, "memory"))
    const found = survey(tree)
    expect(codes(found)).toEqual(["mount dead"])
    expect(found.crossed.map(({ type }) => type)).toEqual(["tmpfs"])
  })

  it("leaves the kernel's own alone", () => {
    const tree = scratch()
    mountBind("/proc", join(tree, "proc"))
    expect(codes(survey(tree))).toEqual(["kernel proc"])
  })
})
