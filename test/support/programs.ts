import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

/** The first of `CISTERN_<NAME>` and PATH that has the program, or undefined. */
export function findProgram(name: string): string | undefined {
  const variable = `CISTERN_${name.toUpperCase().replaceAll("-", "_")}`
  const named = process.env[variable]
  const candidates = [
    ...(named === undefined || named === "" ? [] : [named]),
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)),
  ]
  return candidates.find((path) => existsSync(path))
}

/**
 * The real kopia, connected to a repository read-only, with its files in the directory `home`. Each call of `run` gives
 * what it printed on standard output.
 */
export class RealKopia {
  readonly #program: string
  readonly #environment: NodeJS.ProcessEnv

  constructor(
    program: string,
    repository: string,
    password: string,
    home: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#program = program
    this.#environment = {
      PATH: process.env.PATH,
      HOME: home,
      KOPIA_PASSWORD: password,
      KOPIA_CONFIG_PATH: join(home, "repository.config"),
      KOPIA_CACHE_DIRECTORY: join(home, "cache"),
      KOPIA_LOG_DIR: join(home, "log"),
      KOPIA_CHECK_FOR_UPDATES: "false",
      ...environment,
    }
    this.run("repository", "connect", "filesystem", "--path", repository, "--readonly")
  }

  run(...command: string[]): string {
    return execFileSync(this.#program, command, {
      env: this.#environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1024 * 1024 * 1024,
    })
  }
}

/** Runs the real restic without its cache, which would hide damage, and gives what it printed on standard output. */
export function runRestic(repository: string, password: string, ...command: string[]): string {
  return execFileSync(findProgram("restic") ?? "restic", ["--no-cache", "--repo", repository, ...command], {
    env: { PATH: process.env.PATH, RESTIC_PASSWORD: password },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1024 * 1024 * 1024,
  })
}
