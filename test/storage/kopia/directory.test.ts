import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { looksLikeKopia } from "../../../storage/kopia/index.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { open, passwordOf } from "./open.js"

const name = "kopia/format-3"
const password = passwordOf(name)

describe("a directory with more in it than a repository", () => {
  it("lists the same, and notices each stranger", async () => {
    const directory = fixtureCopy(name)
    const before = await open(directory, password).list()
    writeFileSync(join(directory, "notes.txt~"), "mine")
    writeFileSync(join(directory, "zebra.f"), "what")
    writeFileSync(join(directory, "x", "xyz.swp"), "what")
    writeFileSync(join(directory, "kopia.repository.f.tmp.0123456789abcdef"), "half")
    writeFileSync(join(directory, "x", "n0_", "aa.f"), "")
    writeFileSync(Buffer.concat([Buffer.from(directory + "/bad"), Buffer.of(0xff)]), "")
    mkdirSync(join(directory, "my photos"))
    mkdirSync(join(directory, "snapshots"))
    for (const ignored of ["lost+found", "@eaDir", "#recycle", ".zfs", ".snapshot", ".nfs01"]) {
      mkdirSync(join(directory, ignored))
    }
    rmSync(join(directory, "x", "n0_", "aa.f"))
    writeFileSync(join(directory, "s0.f"), "")

    const listing = await open(directory, password).list()
    expect(listing.snapshots).toEqual(before.snapshots)
    expect(listing.notices.map(({ code, file }) => `${code} ${file ?? ""}`).sort()).toEqual([
      "empty_file s0.f",
      "stray_file my photos",
      "stray_file notes.txt~",
      "stray_file snapshots",
      "stray_file x/xyz.swp",
      "temporary_file kopia.repository.f.tmp.0123456789abcdef",
      "undecodable_name ",
      "unknown_blob zebra.f",
      "unreadable_lock s0.f",
    ])
  })

  it("lists the same beside copies of blobs in wrong places", async () => {
    const directory = fixtureCopy(name)
    const before = await open(directory, password).list()
    for (const file of readdirSync(join(directory, "x", "n0_"))) {
      cpSync(join(directory, "x", "n0_", file), join(directory, "xn0_" + file))
    }
    expect((await open(directory, password).list()).snapshots).toEqual(before.snapshots)
  })

  it("ends its walk when folders lead in circles", async () => {
    const directory = fixtureCopy(name)
    symlinkSync("..", join(directory, "x", "n0_", "again"))
    symlinkSync("..", join(directory, "x", "n0_", "a"))
    symlinkSync(".", join(directory, "n"))
    symlinkSync(".", join(directory, "nn"))
    expect((await open(directory, password).list()).snapshots).toHaveLength(9)
  })

  it("lists the same behind a symbolic link", async () => {
    const directory = fixtureCopy(name)
    renameSync(join(directory, "x"), join(directory, "..", "index"))
    symlinkSync("../index", join(directory, "x"))
    expect((await open(directory, password).list()).snapshots).toHaveLength(9)
  })
})

describe("what is watched", () => {
  it("is the root and every folder that holds metadata, and no folder of packs", async () => {
    const repository = open(fixture("kopia/epochs"), passwordOf("kopia/epochs"))
    expect(repository.watchedFolders()).toEqual([""])
    await repository.list()
    const watched = repository.watchedFolders()
    expect(watched).toEqual(expect.arrayContaining(["", "x", "x/n8_", "x/r0_"]))
    expect(watched.filter((folder) => /^[pq_]/.test(folder))).toEqual([])
  })

  it("is the root alone where the layout is flat", async () => {
    const repository = open(fixture("kopia/pbkdf2"), passwordOf("kopia/pbkdf2"))
    await repository.list()
    expect(repository.watchedFolders()).toEqual([""])
  })
})

describe("a place is recognised as Kopia's", () => {
  it("by its format block, or by what is left without it", async () => {
    const directory = fixtureCopy(name)
    expect(await looksLikeKopia(new DirectoryTree(directory))).toBe(true)
    rmSync(join(directory, "kopia.repository.f"))
    expect(await looksLikeKopia(new DirectoryTree(directory))).toBe(true)
    rmSync(join(directory, ".shards"))
    expect(await looksLikeKopia(new DirectoryTree(directory))).toBe(true)
  })

  it("and anything else is not", async () => {
    const directory = scratch()
    mkdirSync(join(directory, "data"))
    writeFileSync(join(directory, "config"), "{}")
    expect(await looksLikeKopia(new DirectoryTree(directory))).toBe(false)
  })
})
