import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import { scratch } from "../support/fixtures.js"
import { findProgram } from "../support/programs.js"
import { SeededBytes } from "../support/seeded.js"
import type { Act } from "./rounds.js"
import { type ProgramResult, runProgram } from "./running-program.js"

export const restic = findProgram("restic")
export const resticPassword = "live restic"

/** The real restic on a repository of its own, with nothing of this machine's configuration. */
export class LiveRestic {
  readonly repository = join(scratch(), "repository")
  readonly source = join(scratch(), "data")
  readonly #random = new SeededBytes("live restic")
  readonly #env: Record<string, string>

  constructor() {
    mkdirSync(this.source)
    writeFileSync(join(this.source, "log"), "")
    const home = scratch()
    const PATH = process.env.PATH ?? ""
    this.#env = { PATH, HOME: home, RESTIC_PASSWORD: resticPassword, RESTIC_CACHE_DIR: join(home, "cache") }
  }

  run(args: readonly string[], killAfterMs?: number): Promise<ProgramResult> {
    return runProgram(restic ?? "", ["--repo", this.repository, ...args], { env: this.#env, killAfterMs })
  }

  async must(args: readonly string[]): Promise<string> {
    const { code, output, errors } = await this.run(args)
    expect(code, `restic ${args.join(" ")}: ${errors}`).toBe(0)
    return output
  }

  async snapshots(): Promise<Set<string>> {
    const listed = JSON.parse(await this.must(["snapshots", "--json", "--no-lock"])) as
      { id: string }[] | null
    return new Set((listed ?? []).map(({ id }) => id))
  }

  acts(): ((round: number) => Act)[] {
    const backup = ["backup", "--host", "volsync", this.source]
    const stopped = (what: string, args: readonly string[]) => (): Act => {
      const after = 200 + this.#random.below(900)
      return { what: `${what}, killed after ${after} ms`, run: () => this.#killed(args, after) }
    }
    const whole = (what: string, args: readonly string[]) => (): Act => ({ what, run: () => this.must(args) })
    const newBackup = (round: number): Act => ({ what: "a backup", run: () => this.#backup(round, backup) })
    return [
      newBackup,
      newBackup,
      stopped("a backup", backup),
      newBackup,
      whole("forget", ["forget", "--keep-last", "6"]),
      newBackup,
      stopped("prune", ["prune", "--max-unused", "0"]),
      whole("forget with prune", ["forget", "--keep-last", "4", "--prune", "--max-unused", "0"]),
      newBackup,
      whole("tags", ["tag", "--add", "live"]),
      stopped("forget with prune", ["forget", "--keep-last", "3", "--prune", "--max-unused", "0"]),
      whole("a new index", ["rebuild-index"]),
    ]
  }

  #backup(round: number, args: readonly string[]): Promise<string> {
    appendFileSync(join(this.source, "log"), this.#random.bytes(200_000))
    writeFileSync(join(this.source, `file-${round % 7}`), this.#random.bytes(50_000))
    return this.must(args)
  }

  /** Killed, and its lock taken away, as an administrator would. */
  async #killed(args: readonly string[], afterMs: number): Promise<void> {
    appendFileSync(join(this.source, "log"), this.#random.bytes(100_000))
    await this.run(args, afterMs)
    await this.must(["unlock", "--remove-all"])
  }
}
