import type { Command } from "commander"
import { type MeasureTreeRequest, quotaPaths, treeMeasuredRunJson } from "../../http/contract/quotas.js"
import type { Context } from "../context.js"
import { followRun } from "../directories/follow-run.js"
import { targetArgument, type TargetOptions, withTarget } from "../directories/target-argument.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"

interface MeasureOptions extends TargetOptions {
  readonly stop?: boolean
  readonly json?: boolean
}

export function measureCommand(quotas: Command, context: Context): void {
  withTarget(quotas.command("measure"))
    .description(
      "walk through a directory and add up what is in it; reads no file, and leaves the disk time for others",
    )
    .option("--stop", "end such a walk that is under way")
    .option("--json", "print JSON")
    .action((argument: string, options: MeasureOptions) => measure(argument, options, context))
}

async function measure(argument: string, options: MeasureOptions, context: Context): Promise<void> {
  const { out } = context
  const body: MeasureTreeRequest = { ...targetArgument(argument, options), stop: options.stop ?? false }
  const answer = await followRun(
    { path: quotaPaths.measure, body, schema: treeMeasuredRunJson },
    "counted",
    context,
  )
  if (options.json === true) out.json(answer)
  else {
    const { directory, measured, bytes, files, begunAt, unread, elsewhere } = answer
    const holds =
      bytes === null
        ? "it is not known what it holds"
        : `${formatBytes(bytes)} in ${files ?? 0} files and folders, measured from ${formatTime(begunAt)} UTC on`
    out.text(`${printable(directory)}: ${measured ? "" : "stopped; "}${holds}`)
    if ((unread ?? 0) > 0) out.note(`${unread ?? 0} folders could not be read, and are not counted.`)
    if ((elsewhere ?? 0) > 0) out.note(`${elsewhere ?? 0} subvolumes or mounts in it are not counted.`)
  }
  if ((answer.unread ?? 0) > 0 || (!answer.measured && body.stop !== true))
    context.exitWith(exitCodes.unclear)
}
