import { realpathSync } from "node:fs"
import { resolve } from "node:path"
import { type Command, Option } from "commander"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import {
  type Engine,
  openRepository,
  type Repository,
  type Snapshot,
  type SnapshotContents,
} from "../../../storage/index.js"
import { chooseSnapshot } from "../../contents/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { type PasswordOptions, readPassword } from "../password-option.js"

export interface PlaceOptions extends PasswordOptions {
  readonly at: string
  readonly engine?: Engine
}

/** The options of every command that reads what is in snapshots where a repository lies. */
export function withPlace(command: Command): Command {
  return command
    .requiredOption("--at <path>", "the repository's directory; its engine is recognised")
    .option("--password-file <file>", "the file that holds the password")
    .option("--password-env <name>", "the variable that holds the password")
    .addOption(new Option("--engine <engine>", "refuse any other").choices(["kopia", "restic"]))
}

/** The repository that the options name. Nothing of it is read yet but what tells its engine. */
export function openPlace({ at, engine, ...password }: PlaceOptions, context: Context): Promise<Repository> {
  return openRepository({
    files: new DirectoryTree(resolve(at)),
    password: readPassword(password, context.environment),
    ...(engine === undefined ? {} : { engine }),
  })
}

export interface OpenedSnapshot {
  readonly contents: SnapshotContents
  readonly snapshot: Snapshot
  readonly repository: Repository
  /** The absolute path that it lies at, without links. */
  readonly place: string
  /** As it was given, without "/" at its ends; "" for the root. */
  readonly path: string
}

export interface ReadPlace {
  readonly repository: Repository
  readonly snapshots: readonly Snapshot[]
  readonly contents: SnapshotContents
}

/** What lies in a directory, its indexes read. Throws StorageError. */
export async function readPlace(options: PlaceOptions, context: Context): Promise<ReadPlace> {
  const repository = await openPlace(options, context)
  const { snapshots } = await repository.list()
  return { repository, snapshots, contents: await repository.openContents() }
}

export interface SnapshotWords {
  readonly id: string
  /** Without "/" at its ends. */
  readonly path: string
}

/** Takes `SNAPSHOT[:/path]` apart. Throws that the words make no sense. */
export function snapshotWords(words: string): SnapshotWords {
  const [, id, path = ""] = /^([0-9a-f]+|latest)(?::(.*))?$/su.exec(words) ?? []
  if (id === undefined) {
    throw usageError(
      "a snapshot is named by its id or the beginning of it, or by `latest`, and :/path",
      "`cistern snapshots` lists them.",
    )
  }
  return { id, path: path.replace(/^\/+|\/+$/g, "") }
}

/** Opens what `SNAPSHOT[:/path]` names. Throws StorageError, or that the words make no sense. */
export async function openSnapshot(
  words: string,
  options: PlaceOptions,
  context: Context,
): Promise<OpenedSnapshot> {
  const { id, path } = snapshotWords(words)
  const { repository, snapshots, contents } = await readPlace(options, context)
  return {
    contents,
    snapshot: chooseSnapshot(snapshots, id),
    repository,
    place: realpathSync(options.at),
    path,
  }
}
