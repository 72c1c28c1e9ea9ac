import type { Command } from "commander"
import { adminPaths, freshOnceJson, type FreshOnceRequest } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { formatTime } from "./figures.js"
import { volumeArgument } from "./volume-argument.js"

interface Options {
  readonly cluster?: string
  readonly json?: boolean
}

export function freshOnceCommand(program: Command, context: Context): void {
  program
    .command("fresh-once")
    .argument("<namespace/pvc>", "the volume")
    .description("let one volume be fresh for 15 minutes: it comes up empty, whatever backups there are")
    .option("--cluster <name>", "the volume's cluster; may be left out when there is one")
    .option("--json", "print JSON")
    .action(async (argument: string, { cluster, json }: Options) => {
      const request: FreshOnceRequest = {
        ...volumeArgument(argument),
        ...(cluster === undefined ? {} : { cluster }),
      }
      const answer = await context.daemon().post(adminPaths.freshOnce, request, freshOnceJson)
      if (json === true) context.out.json(answer)
      else {
        context.out.text(
          `${answer.cluster}/${answer.namespace}/${answer.pvc} may be fresh until ${formatTime(answer.until)} UTC, ` +
            "or until its first complete snapshot.",
        )
      }
    })
}
