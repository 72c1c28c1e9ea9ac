import type { EngineCommand, NewRepositoryOptions } from "./engine-command.js"
import { createKopia } from "./kopia/index.js"
import type { Engine } from "./repository.js"
import { createRestic } from "./restic/index.js"

const commands: Readonly<Record<Engine, (options: NewRepositoryOptions) => EngineCommand>> = {
  kopia: createKopia,
  restic: createRestic,
}

/** How the real program makes a new, empty repository of the engine. */
export function newRepositoryCommand(engine: Engine, options: NewRepositoryOptions): EngineCommand {
  return commands[engine](options)
}
