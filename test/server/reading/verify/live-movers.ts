import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { promisify } from "node:util"
import { scratch } from "../../../support/fixtures.js"

const run = promisify(execFile)

/** A volume of files that change with each backup, and a few that stay. */
export class ChangingVolume {
  readonly directory = join(scratch(), "data")
  #round = 0

  constructor() {
    mkdirSync(join(this.directory, "deep/er"), { recursive: true })
    for (let at = 0; at < 20; at++) writeFileSync(join(this.directory, `stays-${at}`), randomBytes(40_000))
  }

  change(): void {
    const round = ++this.#round
    for (let at = 0; at < 6; at++)
      writeFileSync(join(this.directory, "deep", `${round}-${at}`), randomBytes(30_000 + 90_000 * (at % 3)))
    writeFileSync(join(this.directory, "deep/er/log"), `${round}\n`.repeat(2_000))
    const old = readdirSync(join(this.directory, "deep")).filter((name) => /^\d/.test(name))
    for (const name of old.slice(0, Math.max(0, old.length - 24))) rmSync(join(this.directory, "deep", name))
  }
}

/** A real engine at work on a repository of its own. */
export interface LiveMover {
  readonly repository: string
  /** One round of its life: backs up, forgets, tidies. */
  round(number: number): Promise<void>
}

export async function resticMover(program: string, password: string): Promise<LiveMover> {
  const repository = join(scratch(), "restic")
  const volume = new ChangingVolume()
  const env = { PATH: process.env["PATH"], HOME: scratch(), RESTIC_PASSWORD: password }
  const restic = (...words: string[]) =>
    run(program, ["--no-cache", "--retry-lock", "30s", "--repo", repository, ...words], { env })
  await restic("init")
  return {
    repository,
    async round(number) {
      volume.change()
      await restic("backup", "--host", "volsync", "--pack-size", "4", volume.directory)
      if (number % 2 === 0) await restic("forget", "--keep-last", "3")
      if (number % 3 === 0) await restic("prune", "--max-unused", "0", "--repack-small")
    },
  }
}

export async function kopiaMover(program: string, password: string): Promise<LiveMover> {
  const repository = join(scratch(), "kopia")
  const home = scratch()
  const volume = new ChangingVolume()
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    KOPIA_PASSWORD: password,
    KOPIA_CONFIG_PATH: join(home, "repository.config"),
    KOPIA_CACHE_DIRECTORY: join(home, "cache"),
    KOPIA_LOG_DIR: join(home, "log"),
    KOPIA_CHECK_FOR_UPDATES: "false",
  }
  const kopia = (...words: string[]) => run(program, words, { env, maxBuffer: 64 * 1024 * 1024 })
  mkdirSync(repository)
  await kopia("repository", "create", "filesystem", "--path", repository)
  await kopia(
    "policy",
    "set",
    "--global",
    "--keep-latest",
    "3",
    "--keep-hourly",
    "0",
    "--keep-daily",
    "0",
    "--keep-weekly",
    "0",
    "--keep-monthly",
    "0",
    "--keep-annual",
    "0",
  )
  return {
    repository,
    async round(number) {
      volume.change()
      await kopia("snapshot", "create", volume.directory)
      if (number % 3 === 0) await kopia("snapshot", "expire", "--all", "--delete")
      if (number % 2 === 0) await kopia("maintenance", "run", "--full", "--safety=none")
    },
  }
}
