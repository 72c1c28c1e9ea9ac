import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { type Command, InvalidArgumentError, Option } from "commander"
import { FileLedger, scrub, type ScrubReport } from "../../storage/scrub/index.js"
import { byteSizeForm, parseAge, parseByteSize } from "../config/index.js"
import { usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { type ExitCode, exitCodes } from "./exit-codes.js"
import { formatBytes } from "./figures.js"
import { printable } from "./printable.js"
import { progress, type ProgressOptions, withProgress } from "./progress.js"
import { formatSeconds } from "./progress-figures.js"

interface Options extends ProgressOptions {
  readonly at: string
  readonly engine?: "kopia" | "restic"
  readonly ledger?: string
  readonly manifest?: string
  /** Milliseconds. */
  readonly every?: number
  /** Bytes per second. */
  readonly limit?: number
  readonly readers?: number
  readonly json?: boolean
}

export function scrubCommand(program: Command, context: Context): void {
  const command = program
    .command("scrub")
    .description(
      "read every file of a repository and find what has rotted; needs no password (no daemon needed)",
    )
    .requiredOption("--at <path>", "the repository's directory; its engine is recognised")
    .addOption(new Option("--engine <engine>", "refuse any other").choices(["kopia", "restic"]))
    .option(
      "--ledger <file>",
      "remembers hashes and times, outside of the repository; a stopped scrub goes on by it",
    )
    .option("--manifest <file>", "a plain copy: compare it with this output of sha256sum")
    .option("--every <age>", "with --ledger: leave out what was found right within, for example, 30d", age)
    .option("--limit <size>", "read at most so much a second, for example 50MiB", bytes)
    .option("--readers <count>", "threads that read; else 1 on a disk that turns, or one a processor", count)
    .option("--json", "print JSON")
  withProgress(command).action((options: Options) => run(options, context))
}

async function run(options: Options, context: Context): Promise<void> {
  const { at, ledger: file, every, limit, readers, engine, manifest } = options
  if (every !== undefined && file === undefined)
    throw usageError("--every needs --ledger: nothing else remembers")
  if (manifest !== undefined && engine !== undefined)
    throw usageError("--manifest is for a plain copy, which no engine wrote")
  const root = resolve(at)
  const ledger = file === undefined ? undefined : new FileLedger(file, root)
  const shown = progress(context, { label: "scrub", unit: "bytes", mode: options.progress ?? "auto" })
  try {
    if (ledger !== undefined && ledger.damagedLines > 0) {
      context.out.note(
        `${ledger.damagedLines} lines of the ledger are damaged; what they said is learnt again.`,
      )
    }
    const report = await scrub({
      root,
      processors: availableParallelism(),
      ...(ledger === undefined ? {} : { ledger }),
      ...(engine === undefined ? {} : { engine }),
      ...(manifest === undefined ? {} : { manifest: resolve(manifest) }),
      ...(every === undefined ? {} : { everyMs: every }),
      ...(limit === undefined ? {} : { limit }),
      ...(readers === undefined ? {} : { readers }),
      onProgress: ({ bytes: done, totalBytes }) => {
        // What looks damaged is read twice.
        shown.update(Math.min(done, totalBytes), totalBytes)
      },
    })
    shown.end()
    if (options.json === true) context.out.json(jsonOf(report))
    else context.out.text(textOf(report, ledger !== undefined))
    context.exitWith(exitCodeOf(report))
  } finally {
    shown.end()
    ledger?.close()
  }
}

/** What was not proven for want of a hash is told, and is no fault: everything that can be wrong was looked for. */
function exitCodeOf({ bad, unread, stopped }: ScrubReport): ExitCode {
  if (bad.length > 0) return exitCodes.wrong
  return unread.length > 0 || stopped !== undefined ? exitCodes.unclear : exitCodes.ok
}

function jsonOf({ stopped, ...report }: ScrubReport): unknown {
  return { ...report, stopped: stopped ?? null }
}

const MOST_NAMES = 20

function textOf(report: ScrubReport, hasLedger: boolean): string {
  const { engine, checked, bytes: read, seconds, bad, unread, unknown, recorded } = report
  const rate = seconds > 0 ? ` (${formatBytes(read / seconds)}/s)` : ""
  return [
    `${engine}: ${files(checked)} compared, ${formatBytes(read)} read in ${formatSeconds(seconds)}${rate}`,
    ...named(
      "damaged",
      bad.map(({ blob, code }) => `${blob} [${code}]`),
    ),
    ...named(
      "not read",
      unread.map(({ blob, code }) => `${blob} [${code}]`),
    ),
    ...named(
      "wrong at the first reading and right at the second: look at memory, cables and disk",
      report.unsteady,
    ),
    ...named(
      "written anew since the last scrub: right after a new password or format, else a fault",
      report.changed,
    ),
    ...named("being written, left for the next scrub", report.unsettled),
    ...(unknown.length === 0
      ? []
      : [
          `${files(unknown.length)} read, with nothing to compare with${hasLedger ? "" : "; --ledger FILE remembers from now on"}`,
        ]),
    ...(recorded === 0 ? [] : [`${files(recorded)} remembered for the first time`]),
    ...(report.skipped === 0 ? [] : [`${files(report.skipped)} left out: found right lately`]),
    ...(report.gone === 0
      ? []
      : [`${files(report.gone)} gone since: pruned or lost, which verify tells apart`]),
    ...named("left by writers that were stopped, or being written", report.temporary),
    ...named("not of the repository", report.foreign),
    ...(report.stopped === "disk"
      ? ["Stopped: one file after the other cannot be read. Look at the disk."]
      : []),
    bad.length === 0 ? "No damage found." : `${files(bad.length)} damaged.`,
  ].join("\n")
}

function named(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return []
  const more = names.length > MOST_NAMES ? [`  … and ${names.length - MOST_NAMES} more (--json has all)`] : []
  return [
    `${files(names.length)} ${what}:`,
    ...names.slice(0, MOST_NAMES).map((name) => `  ${printable(name)}`),
    ...more,
  ]
}

function files(number: number): string {
  return number === 1 ? "1 file" : `${number} files`
}

function age(text: string): number {
  const milliseconds = parseAge(text)
  if (milliseconds === undefined)
    throw new InvalidArgumentError('An age such as "12h", "30d" or "4w" is wanted.')
  return milliseconds
}

function bytes(text: string): number {
  const number = parseByteSize(text)
  if (number === undefined) throw new InvalidArgumentError(`Here ${byteSizeForm}.`)
  return number
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 256)
    throw new InvalidArgumentError("A number from 1 to 256 is wanted.")
  return number
}
