import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { type Engine, openRepository, Secret } from "../../storage/index.js"
import { fixture, fixtureCopy, fixtureNames, scratch } from "../support/fixtures.js"

function open(directory: string, password?: string, engine?: Engine) {
  return openRepository({
    files: new DirectoryTree(directory),
    password: password === undefined ? undefined : new Secret(password),
    ...(engine === undefined ? {} : { engine }),
  })
}

describe("opening a place", () => {
  // Two hold several repositories, two lie below the folder of a bucket.
  const several = ["restic/movers", "restic/copied", "kopia/s3-flat", "kopia/s3-blob-retention"]
  const single = [...fixtureNames("kopia"), ...fixtureNames("restic")].filter(
    (name) => !several.includes(name),
  )

  it.each(single)("recognises what wrote %s", async (name) => {
    const repository = await open(fixture(name))
    expect(repository.engine).toBe(name.split("/")[0])
  })

  it("lists what is there", async () => {
    const repository = await open(fixture("restic/v1-by-0.14"), "v1-by-0.14 password")
    expect((await repository.list()).snapshots).toHaveLength(3)
  })

  it("that does not exist is `missing`", async () => {
    await expect(open(join(scratch(), "nowhere"))).rejects.toMatchObject({ code: "missing" })
  })

  it("that holds nothing but what a NAS puts there is `empty`", async () => {
    const directory = scratch()
    mkdirSync(join(directory, "@eaDir"))
    mkdirSync(join(directory, "lost+found"))
    await expect(open(directory)).rejects.toMatchObject({ code: "empty" })
  })

  it("that holds something else is `not_a_repository`", async () => {
    const directory = scratch()
    writeFileSync(join(directory, "notes.txt"), "hello")
    await expect(open(directory)).rejects.toMatchObject({ code: "not_a_repository" })
  })

  it("that holds one repository for each volume names some of them", async () => {
    await expect(open(fixture("restic/movers"))).rejects.toMatchObject({
      code: "not_a_repository",
      hint: expect.stringContaining("media/radarr") as string,
    })
  })

  it("of another engine than the declared one is refused", async () => {
    await expect(open(fixture("restic/v1-by-0.14"), "x", "kopia")).rejects.toMatchObject({
      code: "not_a_repository",
      facts: { engine: "restic", wanted: "kopia" },
    })
  })

  it("with both engines' files mixed is `two_repositories`", async () => {
    const directory = fixtureCopy("kopia/format-3")
    cpSync(fixture("restic/v1-by-0.14"), directory, { recursive: true })
    await expect(open(directory)).rejects.toMatchObject({ code: "two_repositories" })
    await expect(open(directory, "x", "kopia")).rejects.toMatchObject({ code: "two_repositories" })
  })

  it("with another repository in a folder of it is `two_repositories`", async () => {
    const directory = fixtureCopy("kopia/format-3")
    cpSync(fixture("restic/v1-by-0.14"), join(directory, "restic"), { recursive: true })
    await expect(open(directory)).rejects.toMatchObject({
      code: "two_repositories",
      facts: { file: "restic" },
    })
  })

  it("is looked at again before each listing", async () => {
    const directory = fixtureCopy("restic/v1-by-0.14")
    const repository = await open(directory, "v1-by-0.14 password")
    await repository.list()
    const second = join(directory, "kopia.repository.f")
    writeFileSync(second, "{}")
    await expect(repository.list()).rejects.toMatchObject({ code: "two_repositories" })
    rmSync(second)
    expect((await repository.list()).snapshots).toHaveLength(3)
  })
})
