import type { Command } from "commander"
import { adminPaths, type ExportJson, exportsJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import type { Column } from "./table.js"

const columns: readonly Column<ExportJson>[] = [
  { title: "STATE", of: ({ state, problem }) => (problem === null ? state : `${state}: ${problem.message}`) },
  { title: "DIRECTORY", of: ({ directory }) => directory },
  { title: "CLUSTER", of: ({ cluster }) => cluster },
  { title: "NETWORKS", of: ({ networks }) => networks.join(" ") },
  { title: "ACCESS", of: ({ access }) => (access === "readWrite" ? "read-write" : "read-only") },
  { title: "EVERYBODY IS", of: ({ squash }) => (squash === null ? "-" : `${squash.uid}:${squash.gid}`) },
]

export function exportsCommand(program: Command, context: Context): void {
  const exports = program
    .command("exports")
    .description("the declared NFS exports, beside what the NFS server of this machine exports")
  exports
    .command("list", { isDefault: true })
    .description("list them with their state")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(adminPaths.exports, exportsJson)
      if (json === true) context.out.json(answer)
      else context.out.table(answer.exports, columns, "No export is declared.")
    })
  exports
    .command("show")
    .description("print what may be exported now, as a file for /etc/exports.d")
    .action(async () => {
      const { file } = await context.daemon().get(adminPaths.exports, exportsJson)
      context.out.text(file.trimEnd())
    })
}
