import type { Command } from "commander"
import type { Context } from "./context.js"
import { changeCommands } from "./filesystem-snapshots/change.js"
import { listCommands } from "./filesystem-snapshots/list.js"
import { lookCommand } from "./filesystem-snapshots/look.js"
import { rollBackCommands } from "./filesystem-snapshots/roll-back.js"

export function filesystemSnapshotsCommand(program: Command, context: Context): void {
  const snapshots = program
    .command("filesystem-snapshots")
    .description(
      "the stores as they were: filesystem snapshots, what is in them, and rolling a directory back",
    )
  for (const add of [listCommands, changeCommands, lookCommand, rollBackCommands]) add(snapshots, context)
}
