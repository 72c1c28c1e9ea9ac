import { type Command, InvalidArgumentError } from "commander"
import {
  drill,
  type DrillPhase,
  type DrillResult,
  restoreWithEngine,
} from "../../../storage/restore/index.js"
import { readEnvironment } from "../../config/index.js"
import { checkSqlite } from "../../db/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodeOfStorage, exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import { interruptible } from "../interruptible.js"
import { readPassword } from "../password-option.js"
import { printable } from "../printable.js"
import { progress, type ProgressOptions, withProgress } from "../progress.js"
import { openSnapshot, type PlaceOptions, withPlace } from "./place.js"
import { restoreJson } from "./restore-json.js"

interface Options extends PlaceOptions, ProgressOptions {
  readonly scratch: string
  readonly sentinel: readonly string[]
  readonly withEngine?: boolean
  readonly spaceFactor?: number
  readonly json?: boolean
}

export function drillCommand(program: Command, context: Context): void {
  const command = program
    .command("drill")
    .argument("<snapshot>", "its id, the beginning of it or `latest`")
    .description("prove that a snapshot can be restored: restore it to scratch space, check it, clean up")
    .requiredOption(
      "--scratch <directory>",
      "where there is room for it; it goes into a directory of its own",
    )
    .option("--sentinel <path...>", "a file that must be in the snapshot", [])
    .option("--with-engine", "restore with the real kopia or restic, too, and compare every byte")
    .option("--space-factor <number>", "how many times what it takes has to be free (1.1)", factor)
    .option("--json", "print JSON")
  withProgress(withPlace(command)).action(async (words: string, options: Options) => {
    const result = await run(words, options, context)
    if (options.json === true) context.out.json(drillJson(result))
    else print(result, context)
    context.exitWith(exitCodeOf(result))
  })
}

async function run(words: string, options: Options, context: Context): Promise<DrillResult> {
  const { contents, snapshot, repository, place, path } = await openSnapshot(words, options, context)
  if (path !== "") throw usageError("a drill is of a whole snapshot", "`cistern restore` takes a path in it.")
  const { kopia, restic } = readEnvironment(context.environment)
  const { engine } = repository
  const real = {
    engine,
    program: (engine === "kopia" ? kopia : restic) ?? engine,
    repository: place,
    password: readPassword(options, context.environment),
    snapshot,
  }
  let label: DrillPhase = "restore"
  let shown = begin(label, snapshot.bytes, options, context)
  const interrupt = interruptible()
  try {
    return await drill(contents, snapshot, options.scratch, {
      sentinels: options.sentinel,
      checkSqlite,
      notWithin: [place],
      reopen: () => repository.openContents({ signal: interrupt.signal }),
      signal: interrupt.signal,
      onProgress: (phase, bytes) => {
        if (phase !== label) {
          label = phase
          shown.end()
          shown = begin(phase, snapshot.bytes, options, context)
        }
        shown.update(bytes)
      },
      ...(options.spaceFactor === undefined ? {} : { spaceFactor: options.spaceFactor }),
      ...(options.withEngine === true ? { withEngine: restoreWithEngine(real) } : {}),
    })
  } finally {
    interrupt.end()
    shown.end()
  }
}

function begin(phase: DrillPhase, total: number | undefined, options: Options, context: Context) {
  return progress(context, {
    label: phase.replaceAll("_", " "),
    unit: "bytes",
    ...(total === undefined ? {} : { total }),
    ...(options.progress === undefined ? {} : { mode: options.progress }),
  })
}

function factor(text: string): number {
  const value = Number(text)
  if (text.trim() !== "" && value >= 1 && value <= 100) return value
  throw new InvalidArgumentError("It is a number from 1 to 100.")
}

function drillJson({ ok, files, bytes, seconds, rate, restored, checks, swept }: DrillResult) {
  const { failed, failedCount, lost, stopped } = restoreJson(restored)
  return { ok, files, bytes, seconds, rate, failed, failedCount, lost, stopped, checks, swept }
}

/** A drill that could not be carried through says nothing of the data. */
function exitCodeOf({ ok, restored, checks }: DrillResult) {
  if (restored.stopped !== undefined) return exitCodeOfStorage[restored.stopped.code]
  if (!ok) return exitCodes.wrong
  return checks.some(({ status }) => status === "unknown") ? exitCodes.unclear : exitCodes.ok
}

function print({ files, bytes, seconds, rate, checks, swept, ok }: DrillResult, { out }: Context): void {
  for (const path of swept) out.text(`Removed what an interrupted drill left: ${printable(path)}`)
  out.text(`${files} files, ${formatBytes(bytes)} in ${seconds.toFixed(1)} s, ${formatBytes(rate)}/s`)
  out.table(
    checks,
    [
      { title: "CHECK", of: ({ name }) => name.replaceAll("_", " ") },
      { title: "RESULT", of: ({ status }) => status },
      { title: "DETAIL", of: ({ detail }) => printable(detail) },
    ],
    "No checks.",
  )
  out.text(ok ? out.colour("green", "The snapshot can be restored.") : out.colour("red", "The drill failed."))
}
