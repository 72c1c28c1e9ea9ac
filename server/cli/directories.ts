import type { Command } from "commander"
import type { Context } from "./context.js"
import { createCommand, listCommands } from "./directories/list.js"
import { quarantineCommands } from "./directories/quarantine.js"
import { repairCommands } from "./directories/repair.js"
import { retireCommand } from "./directories/retire.js"

export function directoriesCommand(program: Command, context: Context): void {
  const directories = program
    .command("directories")
    .description(
      "the repositories' directories: whose they are, whose they should be, and putting that right",
    )
  for (const add of [listCommands, createCommand, repairCommands, retireCommand, quarantineCommands])
    add(directories, context)
}
