import { appendFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import { scratch } from "../support/fixtures.js"
import { findProgram } from "../support/programs.js"
import { SeededBytes } from "../support/seeded.js"
import type { Act } from "./rounds.js"
import { type ProgramResult, runProgram } from "./running-program.js"

export const kopia = findProgram("kopia")
export const kopiaPassword = "live kopia"

/** The real kopia on a repository of its own; configuration, cache and logs in a directory of its own. */
export class LiveKopia {
  readonly repository = join(scratch(), "repository")
  readonly #source = join(scratch(), "data")
  readonly #random = new SeededBytes("live kopia")
  readonly #env: Record<string, string>

  constructor() {
    mkdirSync(this.#source)
    mkdirSync(this.repository)
    const home = scratch()
    this.#env = {
      PATH: process.env.PATH ?? "",
      HOME: home,
      KOPIA_PASSWORD: kopiaPassword,
      KOPIA_CONFIG_PATH: join(home, "repository.config"),
      KOPIA_CACHE_DIRECTORY: join(home, "cache"),
      KOPIA_LOG_DIR: join(home, "log"),
      KOPIA_CHECK_FOR_UPDATES: "false",
      KOPIA_ADVANCED_COMMANDS: "enabled",
    }
  }

  /** Small epochs, so that a test sees them end; nothing of the listing comes from a cache. */
  async create(formatVersion: number): Promise<void> {
    const who = [
      "--override-username",
      "mover",
      "--override-hostname",
      "live",
      "--max-list-cache-duration=0s",
    ]
    const version = `--format-version=${formatVersion}`
    await this.must(["repository", "create", "filesystem", "--path", this.repository, version, ...who])
    if (formatVersion > 1) {
      const epochs = [
        "--epoch-advance-on-count=10",
        "--epoch-checkpoint-frequency=2",
        "--epoch-min-duration=10m",
      ]
      await this.must(["repository", "set-parameters", ...epochs, "--epoch-refresh-frequency=1m"])
    }
    await this.must(["policy", "set", "--global", "--keep-latest", "1000"])
  }

  run(args: readonly string[], killAfterMs?: number): Promise<ProgramResult> {
    return runProgram(kopia ?? "", args, { env: this.#env, killAfterMs })
  }

  async must(args: readonly string[]): Promise<string> {
    const { code, output, errors } = await this.run(args)
    expect(code, `kopia ${args.join(" ")}: ${errors}`).toBe(0)
    return output
  }

  async snapshots(): Promise<Set<string>> {
    const listed = await this.must(["manifest", "list", "--filter", "type:snapshot", "--json"])
    return new Set((JSON.parse(listed) as { id: string }[]).map(({ id }) => id))
  }

  acts(): ((round: number) => Act)[] {
    // No other client is here: only so may maintenance take away at once what nothing needs.
    const maintenance = ["maintenance", "run", "--full", "--safety=none"]
    const whole = (what: string, args: readonly string[]) => (): Act => ({ what, run: () => this.must(args) })
    const stopped = (what: string, args: readonly string[]) => (): Act => {
      const after = 30 + this.#random.below(250)
      return { what: `${what}, killed after ${after} ms`, run: () => this.run(args, after) }
    }
    const backup = (round: number): Act => ({ what: "a backup", run: () => this.must(this.#backup(round)) })
    const brokenBackup = (round: number): Act => stopped("a backup", this.#backup(round))()
    const deletion = (): Act => ({ what: "a deletion", run: () => this.#deleteOne() })
    const policy = (round: number): Act => ({
      what: "a policy",
      run: () => this.must(["policy", "set", `app-${round % 5}@live:/data`, "--keep-daily", `${round}`]),
    })
    const age = (): Act => ({ what: "time passing", run: () => this.#passTime() })
    const together = (round: number): Act => ({
      what: "two backups beside a maintenance",
      run: () => {
        const apart = [...this.#backup(round + 1), "--description", "beside"]
        const safe = ["maintenance", "run", "--full"]
        return Promise.all([this.must(this.#backup(round)), this.must(apart), this.must(safe)])
      },
    })
    const backups = Array.from({ length: 6 }, () => backup)
    return [
      ...backups,
      brokenBackup,
      deletion,
      policy,
      whole("maintenance", maintenance),
      ...backups,
      age,
      backup,
      together,
      stopped("maintenance", maintenance),
      deletion,
      whole("index compaction", ["index", "optimize", "--all", "--dangerous-commands=enabled"]),
      backup,
      age,
      stopped("maintenance", maintenance),
      brokenBackup,
      whole("maintenance", maintenance),
      stopped("index compaction", ["index", "optimize", "--all", "--dangerous-commands=enabled"]),
    ]
  }

  /** Kinds of metadata blobs that are there: `xn`, `xs`, `xr`, `xe`, `xw`, `n`, `m`. */
  kinds(): string[] {
    const kinds = readdirSync(this.repository, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(this.repository.length).replaceAll("/", ""))
      .flatMap((id) => /^(?:x[a-z]|[nm])(?=[0-9a-f_])/.exec(id)?.[0] ?? [])
    return [...new Set(kinds)]
  }

  #backup(round: number): string[] {
    appendFileSync(join(this.#source, "log"), this.#random.bytes(20_000))
    writeFileSync(join(this.#source, `file-${round % 7}`), this.#random.bytes(50_000))
    return ["snapshot", "create", this.#source, "--override-source", `app-${round % 5}@live:/data`]
  }

  async #deleteOne(): Promise<void> {
    const ids = [...(await this.snapshots())].sort()
    const id = ids[this.#random.below(ids.length)]
    if (id !== undefined) await this.must(["snapshot", "delete", id, "--delete"])
  }

  /** Epochs end by the times of their index blobs, a day at the earliest: the blobs that are there become a day older. */
  #passTime(): Promise<void> {
    const files = readdirSync(this.repository, { recursive: true, withFileTypes: true })
    const aged = new Date(Date.now() - 24 * 3_600_000 - this.#random.below(3_600_000))
    for (const entry of files) {
      if (!entry.isFile() || !/^(x|n|m|s)/.test(entry.parentPath.slice(this.repository.length + 1))) continue
      utimesSync(join(entry.parentPath, entry.name), aged, aged)
    }
    return Promise.resolve()
  }
}
