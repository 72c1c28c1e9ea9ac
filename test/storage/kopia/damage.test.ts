import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Listing } from "../../../storage/repository.js"
import { fixture, fixtureCopy, fixtureNames } from "../../support/fixtures.js"
import { failure, open, passwordOf, placeIn } from "./open.js"

/** All files of a repository that a listing may rest on, relative to its root. */
function metadataFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((file) => /^(?:x|n|m|q|kopia\.repository|\.shards)/.test(file))
    .sort()
}

const truncations = [0, 1, 27, 28, 60, -1] as const

function damages(
  length: number,
): readonly { readonly how: string; readonly bytes: (whole: Buffer) => Buffer }[] {
  const lengths = truncations.map((at) => (at < 0 ? length + at : at)).filter((at) => at < length)
  const flips = [0, Math.floor(length / 2), length - 1]
  return [
    ...lengths.map((at) => ({ how: `cut to ${at}`, bytes: (whole: Buffer) => whole.subarray(0, at) })),
    ...flips.map((at) => ({
      how: `flipped at ${at}`,
      bytes: (whole: Buffer) => {
        const damaged = Buffer.from(whole)
        damaged[at] = (damaged[at] ?? 0) ^ 0x10
        return damaged
      },
    })),
  ]
}

/** A listing after damage: the same snapshots as before, or an error that names the file. Never fewer. */
async function expectWholeOrError(
  directory: string,
  password: string,
  file: string,
  before: Listing,
): Promise<"whole" | "error"> {
  let after: Listing
  try {
    after = await open(directory, password).list({ previousMarks: before.marks })
  } catch (error) {
    expect(error).toMatchObject({
      name: "StorageError",
      code: expect.stringMatching(/^(?:corrupt|wrong_password|index_lost|unsupported|missing)$/) as string,
    })
    // A wrong layout makes some blob unreadable, and that one is named; `.shards` is in the message.
    const { facts, message } = error as { facts: { file?: string; epoch?: number }; message: string }
    expect(facts.file === file || message.includes(file) || facts.epoch !== undefined).toBe(true)
    return "error"
  }
  expect(after.snapshots).toEqual(before.snapshots)
  return "whole"
}

/** Most of a failing listing is waiting for its second look, so several private copies are damaged side by side. */
async function forEachMetadataFile(
  name: string,
  act: (directory: string, file: string) => Promise<void>,
): Promise<void> {
  const files = metadataFiles(placeIn(name, fixture(name)))
  await Promise.all(
    Array.from({ length: Math.min(12, files.length) }, async () => {
      const directory = placeIn(name, fixtureCopy(name))
      for (let file = files.pop(); file !== undefined; file = files.pop()) await act(directory, file)
    }),
  )
}

describe("every single fault gives the whole list or an error that names the file", () => {
  it.each(["kopia/change-password", "kopia/upgraded"])("%s, each file cut and flipped", async (name) => {
    const before = await open(fixture(name), passwordOf(name)).list()
    let errors = 0
    await forEachMetadataFile(name, async (directory, file) => {
      const path = join(directory, file)
      const whole = readFileSync(path)
      for (const { bytes } of damages(whole.length)) {
        writeFileSync(path, bytes(whole))
        if ((await expectWholeOrError(directory, passwordOf(name), file, before)) === "error") errors++
      }
      writeFileSync(path, whole)
    })
    expect(errors).toBeGreaterThan(30)
  })

  it.each(["kopia/epochs", "kopia/format-1", "kopia/deleted-maintained", "kopia/s3-flat"])(
    "%s, each file deleted, after a listing that knew it",
    async (name) => {
      const before = await open(placeIn(name, fixture(name)), passwordOf(name)).list()
      const live = new Set(before.marks.slice(1).map((mark) => mark.split(" ")[0]))
      await forEachMetadataFile(name, async (directory, file) => {
        const path = join(directory, file)
        const whole = readFileSync(path)
        rmSync(path)
        const outcome = await expectWholeOrError(directory, passwordOf(name), file, before)
        const id = file.replaceAll("/", "").replace(/\.f$/, "")
        if (live.has(id) || id === "kopia.repository") expect(`${file} ${outcome}`).toBe(`${file} error`)
        writeFileSync(path, whole)
      })
    },
  )
})

describe("damage that error correction can repair", () => {
  it.each(["kopia/ecc-1", "kopia/ecc-4", "kopia/ecc-20"])("is repaired and said: %s", async (name) => {
    const directory = fixtureCopy(name)
    const before = await open(directory, passwordOf(name)).list()
    const [index] = metadataFiles(directory).filter((file) => file.startsWith("x/n"))
    const path = join(directory, index ?? "")
    const damaged = readFileSync(path)
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    damaged[damaged.length - 20] = (damaged.at(-20) ?? 0) ^ 1
    writeFileSync(path, damaged)
    const repository = open(directory, passwordOf(name))
    for (const listing of [await repository.list(), await repository.list()]) {
      expect(listing.snapshots).toEqual(before.snapshots)
      expect(listing.notices).toEqual([expect.objectContaining({ code: "repaired", file: index })])
    }
  })
})

describe("losses that kopia takes for an empty or a smaller repository", () => {
  const name = "kopia/format-3"
  const remove = (directory: string, keep: (file: string) => boolean) => {
    for (const file of readdirSync(directory)) {
      if (!keep(file)) rmSync(join(directory, file), { recursive: true })
    }
  }

  it("all index blobs gone: index_lost, without any earlier listing", async () => {
    const directory = fixtureCopy(name)
    remove(directory, (file) => !file.startsWith("x"))
    expect(await failure(open(directory, passwordOf(name)).list())).toMatchObject({ code: "index_lost" })
  })

  it("all index blobs and all packs gone: index_lost after an earlier listing", async () => {
    const directory = fixtureCopy(name)
    const { marks } = await open(directory, passwordOf(name)).list()
    remove(directory, (file) => file.startsWith("kopia.") || file === ".shards")
    expect(await failure(open(directory, passwordOf(name)).list({ previousMarks: marks }))).toMatchObject({
      code: "index_lost",
    })
  })

  it("the format block gone: corrupt, with the hint to restore it", async () => {
    const directory = fixtureCopy(name)
    rmSync(join(directory, "kopia.repository.f"))
    expect(await failure(open(directory, passwordOf(name)).list())).toMatchObject({
      code: "corrupt",
      facts: { file: "kopia.repository.f" },
      hint: expect.stringContaining("Restore kopia.repository.f") as string,
    })
  })

  it("only .shards left: no repository, and what to do", async () => {
    const directory = fixtureCopy(name)
    remove(directory, (file) => file === ".shards")
    expect(await failure(open(directory, passwordOf(name)).list())).toMatchObject({
      code: "not_a_repository",
      facts: { onlyShards: true },
    })
  })

  it("everything gone but what a NAS leaves: empty", async () => {
    const directory = fixtureCopy(name)
    remove(directory, () => false)
    writeFileSync(join(directory, ".nfs000000000001"), "")
    expect(await failure(open(directory, passwordOf(name)).list())).toMatchObject({ code: "empty" })
  })

  it("the directory itself gone: missing", async () => {
    const directory = join(fixtureCopy(name), "elsewhere")
    expect(await failure(open(directory, passwordOf(name)).list())).toMatchObject({ code: "missing" })
  })

  it(".shards gone or wrong: corrupt, naming where the blob lies and where it is looked for", async () => {
    const directory = fixtureCopy(name)
    writeFileSync(join(directory, ".shards"), '{"default":[2,2],"maxNonShardedLength":20}')
    const error = await failure(open(directory, passwordOf(name)).list())
    expect(error).toMatchObject({
      code: "corrupt",
      facts: { file: expect.stringMatching(/^xn\/0_\//) as string },
    })
    expect(error.message).toContain(".shards is wrong")
  })

  it("a pack with manifests cut behind our back: corrupt, though its contents are remembered", async () => {
    const directory = fixtureCopy(name)
    const repository = open(directory, passwordOf(name))
    await repository.list()
    for (const file of metadataFiles(directory).filter((file) => file.startsWith("q"))) {
      truncateSync(join(directory, file), 40)
    }
    expect(await failure(repository.list())).toMatchObject({
      code: "corrupt",
      facts: { file: expect.stringMatching(/^q\//) as string },
    })
  })
})

describe("the password", () => {
  const distinct = ["kopia/format-1", "kopia/format-3", "kopia/pbkdf2", "kopia/upgraded", "kopia/s3-flat"]

  it.each(distinct)("when wrong is said to be wrong: %s", async (name) => {
    expect(fixtureNames("kopia")).toContain(name)
    const error = await failure(open(placeIn(name, fixture(name)), "not it").list())
    expect(error).toMatchObject({
      code: "wrong_password",
      facts: { file: expect.stringContaining("kopia.repository") as string },
      hint: expect.stringContaining("damaged") as string,
    })
    expect(JSON.stringify(error) + error.message).not.toContain("not it")
  })

  it("when unknown is asked for", async () => {
    expect(await failure(open(fixture("kopia/format-3"), undefined).list())).toMatchObject({
      code: "password_missing",
    })
  })

  it("is right again once the repository takes it", async () => {
    const directory = fixtureCopy("kopia/change-password")
    const path = join(directory, "kopia.repository.f")
    const whole = readFileSync(path)
    const repository = open(directory, passwordOf("kopia/change-password"))
    writeFileSync(path, readFileSync(join(fixture("kopia/format-3"), "kopia.repository.f")))
    expect(await failure(repository.list())).toMatchObject({ code: "wrong_password" })
    writeFileSync(path, whole)
    expect((await repository.list()).snapshots).toHaveLength(2)
  })
})
