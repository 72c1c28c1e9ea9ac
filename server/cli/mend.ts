import { resolve } from "node:path"
import type { Command } from "commander"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { type Engine, openRepository, type Repository, StorageError } from "../../storage/index.js"
import {
  type FileThen,
  filesystemStates,
  findWhole,
  heal,
  type OtherState,
} from "../../storage/mending/index.js"
import { usageError } from "./cli-error.js"
import { type PlaceOptions, withPlace } from "./contents/place.js"
import type { Context } from "./context.js"
import { exitCodes } from "./exit-codes.js"
import { formatBytes } from "./figures.js"
import { readPassword } from "./password-option.js"
import { printable } from "./printable.js"

interface Options extends PlaceOptions {
  readonly from?: readonly string[]
  readonly aside: string
  readonly apply?: boolean
  readonly json?: boolean
}

interface MendJson {
  readonly file: string
  readonly proof: string
  readonly looked: readonly {
    readonly at: string
    readonly state: FileThen["kind"]
    readonly code: string | null
  }[]
  readonly healed: { readonly from: string; readonly bytes: number; readonly aside: string | null } | null
}

export function mendCommand(program: Command, context: Context): void {
  const command = program
    .command("mend")
    .argument("<file>", "the damaged file, relative to the repository, as `scrub` and `verify` name it")
    .description("put a damaged file back as another state of the repository still has it")
    .option(
      "--from <path...>",
      "the same repository in other states, such as copies; else every filesystem snapshot that holds it, the newest first",
    )
    .requiredOption("--aside <path>", "a directory outside the repository where the damaged file is kept")
    .option("--apply", "do it; otherwise only what would be done is shown")
    .option("--json", "print JSON")
  withPlace(command).action(async (file: string, options: Options) => {
    const result = await mend(file, options, context)
    if (options.json === true) context.out.json(result)
    else print(result, options, context)
    if (!result.looked.some(({ state }) => state === "whole")) context.exitWith(exitCodes.wrong)
  })
}

async function mend(file: string, options: Options, context: Context): Promise<MendJson> {
  const { engine: wanted, from, apply = false } = options
  const directory = resolve(options.at)
  const aside = outside(directory, options.aside)
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: readPassword(options, context.environment),
    ...(wanted === undefined ? {} : { engine: wanted }),
  })
  const proof = await repository.proofOf(file)
  if (proof === undefined) throw unprovable(file, repository.engine)
  const states =
    from?.map((path) => ({ name: path, directory: resolve(path) })) ?? (await heldStates(directory))
  const looked = await findWhole(file, states, proof)
  const found = looked.find(({ kind }) => kind === "whole")
  const healed =
    found === undefined || !apply
      ? undefined
      : await heal({
          repository: directory,
          engine: repository.engine,
          file,
          from: found.state,
          proof,
          aside,
          isNeeded: await isNeeded(repository, file),
          now: new Date(),
        })
  return {
    file,
    proof: proof.by,
    looked: looked.map(({ state, kind, code }) => ({ at: state.name, state: kind, code: code ?? null })),
    healed: healed ? { from: healed.from, bytes: healed.bytes, aside: healed.aside?.folder ?? null } : null,
  }
}

/** The repository in filesystem snapshots. Throws where there is none: that nothing was looked at is no answer. */
async function heldStates(directory: string): Promise<readonly OtherState[]> {
  const hint = "Name a copy of the repository with --from."
  try {
    const states = await filesystemStates(directory)
    if (states.length > 0) return states
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "unsupported")) throw error
    throw new StorageError("unsupported", error.message, { hint })
  }
  throw new StorageError("missing", `no filesystem snapshot holds ${directory}`, { hint })
}

/** Something is only in this file. Without the password of restic it is not known: then not. */
async function isNeeded(repository: Repository, file: string): Promise<boolean> {
  try {
    const contents = await repository.openContents()
    const { kind, count } = await contents.contentsIn(file)
    return kind === "pack" && count > 0
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

function outside(repository: string, aside: string): string {
  const path = resolve(aside)
  if (path !== repository && !path.startsWith(`${repository}/`)) return path
  throw usageError(
    "what is kept aside may not lie in the repository",
    "Name a directory elsewhere with --aside.",
  )
}

function unprovable(file: string, engine: Engine): StorageError {
  return new StorageError("unsupported", `nothing shows how ${file} has to be`, {
    facts: { file },
    hint:
      engine === "kopia"
        ? "Packs that an index needs, indexes and compaction logs can be mended. Give the path as `scrub` prints it."
        : "All files of restic but `config` and locks can be mended. Give the path as `scrub` prints it.",
  })
}

function print(
  { file, proof, looked, healed }: MendJson,
  { apply = false }: Options,
  { out }: Context,
): void {
  out.text(`${printable(file)} is recognised by ${proof}.`)
  for (const { at, state, code } of looked)
    out.text(`  ${words[state]}${code === null ? "" : ` (${code})`} in ${printable(at)}`)
  if (healed !== null) {
    out.text(`Put back from ${printable(healed.from)}: ${formatBytes(healed.bytes)}.`)
    out.text(
      healed.aside === null ? "Nothing was there." : `What was there is kept in ${printable(healed.aside)}.`,
    )
  } else if (!looked.some(({ state }) => state === "whole")) {
    out.note(
      "None of them has it whole. `cistern impact` tells what it costs, and the next backup of those volumes writes what is still there anew.",
    )
  } else if (!apply) out.text("Nothing was changed. Add --apply to put it back.")
}

const words: Readonly<Record<FileThen["kind"], string>> = {
  whole: "whole",
  other: "damaged, or another file",
  absent: "not there",
  unreadable: "cannot be read",
}
