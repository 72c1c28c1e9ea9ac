import { type Command, Option } from "commander"
import type { Engine } from "../../../storage/index.js"
import { usageError } from "../cli-error.js"
import type { Query } from "../daemon-client.js"
import { volumeArgument } from "../volume-argument.js"
import type { PlaceOptions } from "./place.js"

/** Options of the commands that read what is in snapshots: where a repository lies, or by the daemon. */
export interface SourceOptions {
  readonly at?: string
  readonly passwordFile?: string
  readonly passwordEnv?: string
  readonly engine?: Engine
  readonly repository?: string
  readonly repositoryPath?: string
  readonly volume?: string
  readonly cluster?: string
}

/** Adds them. */
export function withSource(command: Command): Command {
  return command
    .option("--volume <namespace/pvc>", "snapshots of this volume, by the daemon")
    .option(
      "--repository <name>",
      "of this declared repository, by the daemon; may be left out when there is one",
    )
    .option(
      "--repository-path <path>",
      "of the one at this path in its store, where there is one for each volume",
    )
    .option("--cluster <name>", "of a volume of this cluster")
    .option(
      "--at <path>",
      "read the repository in this directory, without a daemon; its engine is recognised",
    )
    .option("--password-file <file>", "with --at: the file that holds the password")
    .option("--password-env <name>", "with --at: the variable that holds the password")
    .addOption(new Option("--engine <engine>", "with --at: refuse any other").choices(["kopia", "restic"]))
}

export type Source =
  | { readonly kind: "place"; readonly place: PlaceOptions }
  /** What the daemon is asked with. */
  | { readonly kind: "daemon"; readonly target: Query }

/** Where it is to be read. Throws a usage error for options that exclude each other. */
export function sourceOf(options: SourceOptions): Source {
  const { at, passwordFile, passwordEnv, engine, repository, repositoryPath, volume, cluster } = options
  if (at !== undefined) {
    if ([repository, repositoryPath, volume, cluster].some((one) => one !== undefined))
      throw usageError("--at excludes --repository, --repository-path, --volume and --cluster")
    return {
      kind: "place",
      place: {
        at,
        ...(passwordFile === undefined ? {} : { passwordFile }),
        ...(passwordEnv === undefined ? {} : { passwordEnv }),
        ...(engine === undefined ? {} : { engine }),
      },
    }
  }
  if ([passwordFile, passwordEnv, engine].some((one) => one !== undefined)) {
    throw usageError(
      "--password-file, --password-env and --engine belong to --at PATH",
      "The daemon has the password of what is declared.",
    )
  }
  const named = volume === undefined ? {} : volumeArgument(volume)
  return { kind: "daemon", target: { repository, repositoryPath, cluster, ...named } }
}
