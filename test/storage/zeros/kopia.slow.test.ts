import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { findEntry } from "../../../storage/index.js"
import { scratch } from "../../support/fixtures.js"
import { findProgram } from "../../support/programs.js"
import { open } from "../kopia/open.js"
import { around, plant } from "./planted.js"

const kopia = findProgram("kopia")
const KiB = 1024
const MiB = 1024 * 1024
const small = [0, 1, 2, 4096]

describe.skipIf(kopia === undefined)("zeros that the real kopia stored", () => {
  it.each([
    ["FIXED-128K", "BLAKE3-256-128", around(128 * KiB)],
    [
      "DYNAMIC-128K-BUZHASH",
      "HMAC-SHA3-224",
      [...around(64 * KiB), ...around(128 * KiB, 2), ...around(256 * KiB, 1)],
    ],
    ["DYNAMIC-128K-RABINKARP", "BLAKE2S-128", [...around(64 * KiB), ...around(256 * KiB, 1)]],
    ["DYNAMIC-4M-BUZHASH", "BLAKE2B-256-128", [...around(2 * MiB, 2), ...around(8 * MiB, 1)]],
    ["FIXED-8M", "HMAC-SHA256-128", around(8 * MiB, 1)],
  ])("are known at every place where %s cuts, by %s", async (splitter, hash, sizes) => {
    const writer = new Writer("--object-splitter", splitter, "--block-hash", hash)
    await writer.expectKnown([...small, ...sizes])
  })

  it("are known behind two levels of indexes, and one byte among them too", async () => {
    const writer = new Writer("--object-splitter", "FIXED-128K")
    const levels = await writer.expectKnown([400 * MiB + 3])
    expect(levels).toBe(2)
  })

  it("are known in a file that was uploaded in parts", async () => {
    const writer = new Writer("--object-splitter", "DYNAMIC-128K-BUZHASH")
    writer.run("policy", "set", "--global", "--parallel-upload-above-size-mib", "1")
    await writer.expectKnown([MiB, MiB + 1, 3 * MiB + 5])
  })

  it.each([
    "deflate-best-speed",
    "gzip",
    "pgzip-best-speed",
    "s2-default",
    "s2-better",
    "s2-parallel-4",
    "zstd",
    "zstd-fastest",
  ])("are known where objects are compressed by %s, in format 1 and in 3", async (compressor) => {
    for (const version of ["1", "3"]) {
      const writer = new Writer("--format-version", version, "--object-splitter", "DYNAMIC-1M-BUZHASH")
      writer.run("policy", "set", "--global", "--compression", compressor, "--compression-min-size", "0")
      await writer.expectKnown([...small, 100, 1000, ...around(512 * KiB, 2), 3 * MiB])
    }
  })
})

/** A new repository of the real kopia. */
class Writer {
  readonly #repository = scratch()
  readonly #home = scratch()

  constructor(...options: readonly string[]) {
    this.run("repository", "create", "filesystem", "--path", this.#repository, ...options)
  }

  run(...words: readonly string[]): string {
    return execFileSync(kopia ?? "", [...words], {
      env: {
        PATH: process.env["PATH"],
        HOME: this.#home,
        KOPIA_PASSWORD: "secret",
        KOPIA_CONFIG_PATH: join(this.#home, "repository.config"),
        KOPIA_CACHE_DIRECTORY: join(this.#home, "cache"),
        KOPIA_LOG_DIR: join(this.#home, "log"),
        KOPIA_CHECK_FOR_UPDATES: "false",
      },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    })
  }

  /** Backs such files up and expects that they are told apart; gives the levels of the last file of zeros. */
  async expectKnown(sizes: readonly number[]): Promise<number> {
    const data = scratch()
    const planted = plant(data, sizes)
    this.run("snapshot", "create", data)
    const repository = open(this.#repository, "secret")
    const [snapshot] = (await repository.list()).snapshots
    if (snapshot === undefined) throw new Error("no snapshot")
    const contents = await repository.openContents()
    let levels = 0
    for (const { name, isZeros } of planted) {
      const file = await findEntry(contents, snapshot, name)
      expect(`${name} ${await contents.isZeros(file)}`).toBe(`${name} ${isZeros}`)
      if (isZeros) levels = /^I*/.exec(file.content[0] ?? "")?.[0].length ?? 0
    }
    return levels
  }
}
