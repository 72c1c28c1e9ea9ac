import type { EngineCommand, NewRepositoryOptions } from "../engine-command.js"

/** Makes a repository of version 2, which every restic from 0.14 on reads: what movers' `restic init` makes today. */
export function createRestic({ repository, password }: NewRepositoryOptions): EngineCommand {
  return {
    args: ["init", "--repo", repository, "--repository-version", "2", "--no-cache"],
    environment: {},
    // Not a file: of those restic drops blank ends, which movers and our reader do not.
    secrets: { RESTIC_PASSWORD: password },
  }
}
