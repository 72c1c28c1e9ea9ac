import { chmodSync, mkdirSync } from "node:fs"
import { Pinned } from "../../disk/directories/pinned.js"
import { StorageError } from "../../errors.js"
import { GIVEN_REPOSITORY, runEngine } from "../../host/index.js"
import { restoreByEngineCommands } from "../../restore-by-engine.js"
import type { Engine, Snapshot } from "../../repository.js"
import type { Secret } from "../../secret.js"

/** As long as a restore of terabytes may last. */
const patienceMs = 7 * 24 * 3_600_000

export interface RealEngine {
  readonly engine: Engine
  /** A path, or a name that is looked for in PATH. */
  readonly program: string
  /** Absolute path of the repository, without links. */
  readonly repository: string
  readonly password: Secret | undefined
  readonly snapshot: Pick<Snapshot, "id">
}

/** Restores with the real engine, for a drill's `withEngine`. Throws StorageError as `runEngine` does, and `password_missing`. */
export function restoreWithEngine({ engine, program, repository, password, snapshot }: RealEngine) {
  return async (into: string, signal: AbortSignal | undefined): Promise<void> => {
    if (password === undefined)
      throw new StorageError("password_missing", `${engine} needs the password of the repository to restore`)
    const directory = Pinned.directoryAt(repository)
    try {
      if (engine === "restic") {
        // Else it makes it with its own ideas of who may look in.
        mkdirSync(into)
        chmodSync(into, 0o700)
      }
      const user = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
      await runEngine({
        program,
        command: (home) =>
          restoreByEngineCommands(engine, {
            repository: GIVEN_REPOSITORY,
            home,
            password,
            snapshot: snapshot.id,
            into,
          }),
        repository: { descriptor: directory.descriptor, path: directory.path },
        user,
        milliseconds: patienceMs,
        signal,
      })
    } finally {
      directory.close()
    }
  }
}
