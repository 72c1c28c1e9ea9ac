import { join } from "node:path"
import type { EngineCommand, NewRepositoryOptions, RestoreByEngineOptions } from "../engine-command.js"

/**
 * The owner of its maintenance, until the one who does it claims that. A mover that makes a repository leaves its pod's random
 * name there, and nobody can be that a second time.
 */
export const FIRST_OWNER = { user: "cistern", host: "nas" }

/**
 * Makes a repository as VolSync's mover would: the format is said in full, so that another release of the program with other
 * defaults makes the same (reference volsync-kopia-mover.md §3).
 */
export function createKopia({ repository, home, password }: NewRepositoryOptions): EngineCommand {
  return {
    args: [
      "repository",
      "create",
      "filesystem",
      `--path=${repository}`,
      "--format-version=3",
      "--block-hash=BLAKE2B-256-128",
      "--encryption=AES256-GCM-HMAC-SHA256",
      "--object-splitter=DYNAMIC-4M-BUZHASH",
      "--ecc-overhead-percent=0",
      `--override-username=${FIRST_OWNER.user}`,
      `--override-hostname=${FIRST_OWNER.host}`,
      `--config-file=${join(home, "repository.config")}`,
      `--cache-directory=${join(home, "cache")}`,
      `--log-dir=${join(home, "log")}`,
      "--disable-file-logging",
      // It would be written, in base64, beside the configuration.
      "--no-persist-credentials",
      "--no-use-keyring",
      "--no-check-for-updates",
      "--no-progress",
    ],
    environment: {},
    secrets: { KOPIA_PASSWORD: password },
  }
}

/** Connects without a right to write, and restores. */
export function restoreByKopia({
  repository,
  home,
  password,
  snapshot,
  into,
}: RestoreByEngineOptions): EngineCommand[] {
  const own = [
    `--config-file=${join(home, "repository.config")}`,
    `--log-dir=${join(home, "log")}`,
    "--disable-file-logging",
    "--no-use-keyring",
    "--no-progress",
  ]
  const command = (...args: readonly string[]): EngineCommand => ({
    args: [...args, ...own],
    environment: { KOPIA_CHECK_FOR_UPDATES: "false", KOPIA_PERSIST_CREDENTIALS_ON_CONNECT: "false" },
    secrets: { KOPIA_PASSWORD: password },
  })
  return [
    command(
      "repository",
      "connect",
      "filesystem",
      `--path=${repository}`,
      "--readonly",
      `--cache-directory=${join(home, "cache")}`,
    ),
    // What is no file, directory or link is in no snapshot of its.
    command("snapshot", "restore", snapshot, into),
  ]
}
