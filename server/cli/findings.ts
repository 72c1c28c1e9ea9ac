import type { Command } from "commander"
import type { Context } from "./context.js"
import { actCommands } from "./findings/act.js"
import { listCommand } from "./findings/list.js"
import { muteCommands } from "./findings/mute.js"
import { showCommand } from "./findings/show.js"

export function findingsCommand(program: Command, context: Context): void {
  const findings = program.command("findings").description("what is wrong, and what is done about it")
  for (const add of [listCommand, showCommand, actCommands, muteCommands]) add(findings, context)
}
