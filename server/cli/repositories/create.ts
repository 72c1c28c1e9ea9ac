import type { Command } from "commander"
import { adminPaths } from "../../http/contract/admin.js"
import {
  type CreateRepositoryRequest,
  type NewRepositoryJson,
  newRepositoryRunJson,
} from "../../http/contract/new-repository.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { followRun } from "../directories/follow-run.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import { volumeArgument } from "../volume-argument.js"

interface CreateOptions {
  readonly volume?: string
  readonly path?: string
  readonly acceptMount?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function createCommand(repositories: Command, context: Context): void {
  repositories
    .command("create")
    .argument("<name>", "the declared repository")
    .description("have the real kopia or restic make it, where nothing is yet, before any mover does")
    .option("--volume <namespace/pvc>", "of a tree of repositories: the volume's own")
    .option("--path <directory>", "of a tree of repositories: this one, relative to the store")
    .option("--accept-mount <path>", "a filesystem that is mounted on the way and belongs there")
    .option("--dry-run", "only show what would be made")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((name: string, options: CreateOptions) => create(name, options, context))
}

async function create(name: string, options: CreateOptions, context: Context): Promise<void> {
  const { out } = context
  const request = requestOf(options)
  const json = options.json === true
  const plan = await send(name, { ...request, dryRun: true }, context)
  if (!json) out.text(renderPlan(plan, out))
  if (options.dryRun === true) {
    if (json) out.json(plan)
    return
  }
  const asks = out.interactive && options.yes !== true && !json
  if (asks && !(await context.confirm("Make this repository?"))) {
    out.note("Nothing was made.")
    return
  }
  const done = await send(name, { ...request, basis: plan.basis }, context)
  if (json) out.json(done)
  else
    out.text(
      `Made the ${done.engine} repository ${done.id ?? ""} and pinned it. Movers find it with the same password.`,
    )
}

function requestOf({ volume, path, acceptMount }: CreateOptions): CreateRepositoryRequest {
  if (volume !== undefined && path !== undefined)
    throw usageError("--volume and --path both name a directory", "Say one of them.")
  return {
    ...(volume === undefined ? {} : volumeArgument(volume)),
    ...(path === undefined ? {} : { path: path.replace(/\/+$/, "") }),
    ...(acceptMount === undefined ? {} : { acceptMount }),
  }
}

async function send(
  name: string,
  request: CreateRepositoryRequest,
  context: Context,
): Promise<NewRepositoryJson> {
  const path = `${adminPaths.repositories}/${encodeURIComponent(name)}/create`
  return followRun(
    { path, body: request, schema: newRepositoryRunJson },
    `${name}: the engine works`,
    context,
  )
}

function renderPlan(plan: NewRepositoryJson, out: Output): string {
  const { directory, owner, engine, program, programVersion, made, why, withdrawn } = plan
  const lines = [
    `${out.colour("green", "+")} ${engine} repository in ${printable(directory)}`,
    `  by ${printable(program)} ${printable(programVersion)}, as ${owner.uid}:${owner.gid}; the directory has mode ${owner.mode}`,
    made === "aside"
      ? "  made in the store's own folder, read back, and moved into its place as a whole"
      : `  made in its place: ${printable(why ?? "")}`,
  ]
  for (const path of withdrawn)
    lines.push(`  ${out.colour("red", "-")} ${printable(path)} is not exported while it is made`)
  return lines.join("\n")
}
