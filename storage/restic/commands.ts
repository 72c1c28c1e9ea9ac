import type { EngineCommand, NewRepositoryOptions, RestoreByEngineOptions } from "../engine-command.js"

/** Makes a repository of version 2, which every restic from 0.14 on reads: what movers' `restic init` makes today. */
export function createRestic({ repository, password }: NewRepositoryOptions): EngineCommand {
  return {
    args: ["init", "--repo", repository, "--repository-version", "2", "--no-cache"],
    environment: {},
    // Not a file: of those restic drops blank ends, which movers and our reader do not.
    secrets: { RESTIC_PASSWORD: password },
  }
}

/** Without a lock, which would be written into the repository. */
export function restoreByRestic({
  repository,
  password,
  snapshot,
  into,
}: RestoreByEngineOptions): EngineCommand[] {
  return [
    {
      args: [
        "restore",
        snapshot,
        "--target",
        into,
        "--repo",
        repository,
        "--no-lock",
        "--no-cache",
        "--quiet",
      ],
      environment: {},
      secrets: { RESTIC_PASSWORD: password },
    },
  ]
}
