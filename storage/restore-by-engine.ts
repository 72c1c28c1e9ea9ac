import type { EngineCommand, RestoreByEngineOptions } from "./engine-command.js"
import { restoreByKopia } from "./kopia/index.js"
import type { Engine } from "./repository.js"
import { restoreByRestic } from "./restic/index.js"

const commands: Readonly<Record<Engine, (options: RestoreByEngineOptions) => readonly EngineCommand[]>> = {
  kopia: restoreByKopia,
  restic: restoreByRestic,
}

/** How the real program restores a snapshot without changing anything in the repository: what to run, one after the other. */
export function restoreByEngineCommands(
  engine: Engine,
  options: RestoreByEngineOptions,
): readonly EngineCommand[] {
  return commands[engine](options)
}
