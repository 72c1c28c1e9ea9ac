import type { Secret } from "./secret.js"

/** How the real program of an engine is run: its arguments, and what it is told by its environment. */
export interface EngineCommand {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Environment variables, too: an argument list is shown to everybody on the machine. */
  readonly secrets: Readonly<Record<string, Secret>>
}

export interface NewRepositoryOptions {
  /** Path of the empty directory that it is made in. */
  readonly repository: string
  /** Path of an empty directory of the engine's own, for its configuration and caches; it is removed afterwards. */
  readonly home: string
  readonly password: Secret
}

export interface RestoreByEngineOptions {
  /** Path of the repository's directory. It is only read. */
  readonly repository: string
  /** Path of an empty directory of the engine's own. */
  readonly home: string
  readonly password: Secret
  /** Its own id of the snapshot. */
  readonly snapshot: string
  /** Absolute path of a directory that does not exist. */
  readonly into: string
}
