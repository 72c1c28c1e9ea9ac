import type { Command } from "commander"
import { adminPaths, repositoriesJson, type RepositoryJson } from "../http/contract/admin.js"
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
      if (json === true) context.out.json(answer)
      else context.out.table(answer.repositories, columns, "No repository is declared.")
    })
}
