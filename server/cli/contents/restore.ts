import { resolve } from "node:path"
import type { Command } from "commander"
import { findEntry } from "../../../storage/index.js"
import { restore, type RestoreResult, rootToRestore } from "../../../storage/restore/index.js"
import type { Context } from "../context.js"
import { type ExitCode, exitCodeOfStorage, exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import { interruptible } from "../interruptible.js"
import { printable } from "../printable.js"
import { progress, type ProgressOptions, withProgress } from "../progress.js"
import { type OpenedSnapshot, openSnapshot, type PlaceOptions, withPlace } from "./place.js"
import { restoreJson, shownPath } from "./restore-json.js"

interface Options extends PlaceOptions, ProgressOptions {
  readonly to: string
  readonly devices?: boolean
  readonly keepDamaged?: boolean
  readonly full?: boolean
  readonly json?: boolean
}

/** Of each kind, so many are printed for people. JSON has more. */
const MOST_SHOWN = 20

export function restoreCommand(program: Command, context: Context): void {
  const command = program
    .command("restore")
    .argument("<snapshot>", "its id, the beginning of it or `latest`, and :/path in it")
    .description("restore a snapshot, or what is at a path in it, into a new directory (no daemon needed)")
    .requiredOption("--to <directory>", "a new or an empty directory, which becomes what is restored")
    .option("--devices", "make device files, too")
    .option("--keep-damaged", "leave what could be read of a damaged file, instead of removing it")
    .option("--full", "write runs of zeros instead of leaving holes")
    .option("--json", "print JSON")
  withProgress(withPlace(command)).action(async (words: string, options: Options) => {
    const opened = await openSnapshot(words, options, context)
    const result = await run(opened, options, context)
    if (options.json === true) context.out.json(restoreJson(result))
    else print(result, options.to, context)
    context.exitWith(exitCodeOf(result))
  })
}

async function run(opened: OpenedSnapshot, options: Options, context: Context): Promise<RestoreResult> {
  const { contents, snapshot, path, repository } = opened
  const root = await rootToRestore(contents, snapshot)
  if (root.problem !== undefined)
    context.out.note(`The top's own owner, mode and time are not known: ${printable(root.problem.message)}`)
  const entry = path === "" ? root.entry : await findEntry(contents, snapshot, path)
  const total = path === "" ? snapshot.bytes : entry.kind === "file" ? entry.size : undefined
  const shown = progress(context, {
    label: "restore",
    unit: "bytes",
    ...(total === undefined ? {} : { total }),
    ...(options.progress === undefined ? {} : { mode: options.progress }),
  })
  const interrupt = interruptible()
  try {
    return await restore(contents, entry, resolve(options.to), {
      name: root.name,
      devices: options.devices === true,
      keepDamaged: options.keepDamaged === true,
      full: options.full === true,
      notWithin: [opened.place],
      reopen: () => repository.openContents({ signal: interrupt.signal }),
      signal: interrupt.signal,
      onProgress: ({ bytes }) => {
        shown.update(bytes)
      },
    })
  } finally {
    interrupt.end()
    shown.end()
  }
}

export function exitCodeOf({ stopped, failedCount }: RestoreResult): ExitCode {
  if (stopped !== undefined) return exitCodeOfStorage[stopped.code]
  return failedCount > 0 ? exitCodes.wrong : exitCodes.ok
}

function print(result: RestoreResult, to: string, { out }: Context): void {
  const { files, directories, others, bytes, linkedBytes, seconds, failed, failedCount, lost } = result
  const rate = seconds > 0 ? `, ${formatBytes(bytes / seconds)}/s` : ""
  out.text(
    `${printable(to)}: ${files} files, ${directories} directories, ${others} others, ` +
      `${formatBytes(bytes + linkedBytes)} in ${seconds.toFixed(1)} s${rate}`,
  )
  if (result.reopened) out.text("The repository was pruned meanwhile; its indexes were read anew.")
  for (const { what, count, path, why } of lost) {
    const first = count === 1 ? shownPath(path) : `${shownPath(path)} and ${count - 1} more`
    out.text(`not restored: ${what} of ${first}: ${printable(why)}`)
  }
  for (const { path, code, message } of failed.slice(0, MOST_SHOWN))
    out.text(`failed: ${shownPath(path)}: ${printable(message)} [${code}]`)
  if (failedCount > MOST_SHOWN) out.text(`failed: ${failedCount - MOST_SHOWN} more (--json lists a thousand)`)
  if (result.stopped === undefined) return
  const { code, message, hint } = result.stopped
  out.note(`stopped: ${printable(message)} [${code}]`)
  if (hint !== undefined) out.note(`hint: ${hint}`)
}
