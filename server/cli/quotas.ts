import type { Command } from "commander"
import type { Context } from "./context.js"
import { listCommand } from "./quotas/list.js"
import { measureCommand } from "./quotas/measure.js"
import { prepareCommand } from "./quotas/prepare.js"
import { setCommands } from "./quotas/set.js"

export function quotasCommand(program: Command, context: Context): void {
  const quotas = program
    .command("quotas")
    .description("what the repositories' directories may hold, and how much of that they do")
  for (const add of [listCommand, setCommands, prepareCommand, measureCommand]) add(quotas, context)
}
