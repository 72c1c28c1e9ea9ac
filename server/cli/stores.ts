import type { Command } from "commander"
import { adminPaths, storeAcceptedJson, type StoreJson, storesJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { formatBytes, formatTime } from "./figures.js"
import { printable } from "./printable.js"
import { storesChangeCommands } from "./stores-change.js"
import { adviceSummary, storesShowCommand } from "./stores-show.js"
import type { Column } from "./table.js"

const columns: readonly Column<StoreJson>[] = [
  { title: "NAME", of: ({ name }) => name },
  { title: "STATE", of: ({ state }) => state },
  { title: "SINCE (UTC)", of: ({ since }) => formatTime(since) },
  { title: "FREE", of: ({ freeBytes }) => formatBytes(freeBytes), align: "right" },
  { title: "SIZE", of: ({ totalBytes }) => formatBytes(totalBytes), align: "right" },
  { title: "FILESYSTEM", of: ({ filesystem }) => filesystem ?? "-" },
  { title: "ADVICE", of: adviceSummary },
  { title: "PATH", of: ({ path }) => path },
]

export function storesCommand(program: Command, context: Context): void {
  const stores = program.command("stores").description("the declared stores and their fences")
  stores
    .command("list", { isDefault: true })
    .description("list them with their state")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(adminPaths.stores, storesJson)
      if (json === true) {
        context.out.json(answer)
        return
      }
      context.out.table(answer.stores, columns, "No store is declared.")
      context.out.problems(answer.stores)
    })
  storesShowCommand(stores, context)
  storesChangeCommands(stores, context)
  stores
    .command("accept")
    .argument("<name>", "the store")
    .description("say that a store as it is now is the right one, after a move or a rebuild")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: { readonly json?: boolean }) => {
      const path = `${adminPaths.stores}/${encodeURIComponent(name)}/accept`
      const answer = await context.daemon().post(path, {}, storeAcceptedJson)
      if (json === true) {
        context.out.json(answer)
        return
      }
      const said =
        answer.changes.length === 0
          ? [`Store ${name} was what it was set up as; nothing changed.`]
          : [`Store ${name} is accepted as it is now:`, ...answer.changes.map((change) => `  ${change}`)]
      context.out.text([...said, ...answer.notices.map((notice) => printable(notice))].join("\n"))
    })
}
