import { type Command, Option } from "commander"
import { adminPaths, exportStepsJson, type ExportStepsJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { exitCodes } from "./exit-codes.js"
import { printable } from "./printable.js"

interface StepsOptions {
  readonly system?: string
  readonly json?: boolean
}

export function exportsStepsCommand(exports: Command, context: Context): void {
  exports
    .command("steps")
    .description("print what to do by hand to have the declared exports, and what of it is not done yet")
    .addOption(
      new Option("--system <kind>", "for which system; found by itself").choices([
        "kernel",
        "ganesha",
        "truenas",
        "synology",
      ]),
    )
    .option("--json", "print JSON")
    .action(async ({ system, json }: StepsOptions) => {
      const answer = await context.daemon().get(adminPaths.exportSteps, exportStepsJson, { system })
      if (json === true) context.out.json(answer)
      else
        context.out.text(
          rendered(answer)
            .map((line) => printable(line))
            .join("\n"),
        )
      if (answer.differences === null) context.exitWith(exitCodes.unclear)
      else if (answer.differences.length > 0) context.exitWith(exitCodes.wrong)
    })
}

function rendered({ steps, left, differences, unreadable, connected }: ExportStepsJson): string[] {
  const lines = [...steps]
  if (steps.length === 0) lines.push("There is nothing to export.")
  for (const one of left) lines.push("", `not to be exported: ${one}`)
  lines.push("")
  if (differences === null) {
    lines.push(
      `What is exported cannot be read here (${unreadable ?? "unknown"}). That it works is seen by who is connected:`,
      ...(connected.length === 0 ? ["  nobody of a declared cluster"] : connected.map((one) => `  ${one}`)),
    )
  } else if (differences.length === 0) lines.push("Read back: it is exported exactly so.")
  else lines.push("Read back: it is not so yet.", ...differences.map((one) => `  ${one}`))
  return lines
}
