import type { Command } from "commander"
import {
  type AcceptRepositoryRequest,
  adminPaths,
  repositoriesJson,
  repositoryAcceptedJson,
  type RepositoryJson,
} from "../http/contract/admin.js"
import { createCommand } from "./repositories/create.js"
import { usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { formatCount, formatTime } from "./figures.js"
import type { Column } from "./table.js"

const columns: readonly Column<RepositoryJson>[] = [
  { title: "NAME", of: ({ name }) => name },
  { title: "CLUSTER", of: ({ cluster }) => cluster },
  { title: "ENGINE", of: ({ engine }) => engine },
  { title: "DECIDES", of: ({ decides }) => decides },
  { title: "STATE", of: ({ state, problem }) => (problem === null ? state : `${state}: ${problem.code}`) },
  { title: "LISTED", of: ({ places }) => `${places.listed} of ${places.total}`, align: "right" },
  { title: "VOLUMES", of: ({ volumes }) => formatCount(volumes), align: "right" },
  { title: "SNAPSHOTS", of: ({ snapshots }) => formatCount(snapshots), align: "right" },
  { title: "NEWEST (UTC)", of: ({ newest }) => formatTime(newest) },
  { title: "PLACE", of: ({ store, path }) => (store === null ? path : `${store}:${path}`) },
]

export function repositoriesCommand(program: Command, context: Context): void {
  const repositories = program.command("repositories").description("the declared repositories")
  repositories
    .command("list", { isDefault: true })
    .description("list them with their state")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(adminPaths.repositories, repositoriesJson)
      if (json === true) {
        context.out.json(answer)
        return
      }
      context.out.table(answer.repositories, columns, "No repository is declared.")
      context.out.problems(answer.repositories)
    })
  repositories
    .command("accept")
    .argument("<name>", "the repository")
    .description("acknowledge one exact change of a repository, so that answers may rest on it again")
    .option("--id <id>", "this repository id is now in the place of the one that was there")
    .option("--gone <identity>", "the newest known snapshots of this identity are gone for good; * for all")
    .option("--lost-index", "the metadata files that vanished are gone for good, as after a rollback")
    .option("--path <directory>", "which directory of a tree of repositories, relative to the store")
    .option("--json", "print JSON")
    .action((name: string, options: AcceptOptions) => accept(name, options, context))
  createCommand(repositories, context)
}

interface AcceptOptions extends AcceptRepositoryRequest {
  readonly json?: boolean
}

async function accept(
  name: string,
  { json, ...request }: AcceptOptions,
  { daemon, out }: Context,
): Promise<void> {
  const { id, gone, lostIndex } = request
  if (id === undefined && gone === undefined && lostIndex === undefined) {
    throw usageError(
      "what is accepted? Say --id, --gone or --lost-index",
      "The hint of `cistern exists` names it.",
    )
  }
  const path = `${adminPaths.repositories}/${encodeURIComponent(name)}/accept`
  const { changes } = await daemon().post(path, request, repositoryAcceptedJson)
  if (json === true) out.json({ changes })
  else out.text(changes.length === 0 ? "There was nothing to acknowledge." : changes.join("\n"))
}
