import { readFileSync } from "node:fs"
import type { Command } from "commander"
import { errnoOf } from "../../storage/errno.js"
import { DocumentError, parseDocument } from "../config/index.js"
import { adminPaths, type ApplyRequest } from "../http/contract/admin.js"
import { carryOut, plainPlan } from "./carry-out.js"
import { CliError, usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import type { DaemonReply } from "./daemon-client.js"
import { exitCodes } from "./exit-codes.js"

interface Options {
  readonly file: string
  readonly dryRun?: boolean
  readonly remove?: boolean
  readonly accept: readonly string[]
  readonly iKnow?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function applyCommand(program: Command, context: Context): void {
  program
    .command("apply")
    .description("apply a document of stores, clusters, repositories and exports; shows what changes first")
    .requiredOption("-f, --file <file>", "the document, YAML or JSON; - for standard input")
    .option("--dry-run", "only show what would change")
    .option("--remove", "detach what the document does not name; never touches data, ledger or pins")
    .option("--accept <id...>", "acknowledge what loosens a decision, by the ids that the diff shows", [])
    .option(
      "--i-know",
      "that everybody may write by an export that is declared so is meant; asked for once for each",
    )
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((options: Options) => apply(options, context))
}

async function apply(options: Options, context: Context): Promise<void> {
  const text = options.file === "-" ? await context.readInput() : readDocument(options.file)
  checkDocument(text, options.file)
  const request = {
    document: text,
    remove: options.remove ?? false,
    accept: [...options.accept],
    iKnow: options.iKnow ?? false,
  }
  const send = (more: Partial<ApplyRequest>): Promise<DaemonReply> =>
    context.daemon().send("POST", adminPaths.apply, { ...request, ...more })
  const work = { ...plainPlan, send, question: "Apply these changes?", done: "Applied." }
  await carryOut(work, options, context)
}

/** Faults are better told where the file is than by the daemon, which knows only its text. */
function checkDocument(text: string, file: string): void {
  try {
    parseDocument(text)
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    const lines = error.message.split("\n").map((line) => `  ${line}`)
    throw new CliError(error.code, [`${file} cannot be applied:`, ...lines].join("\n"), exitCodes.usage, {
      hint: error.hint,
      cause: error,
    })
  }
}

function readDocument(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    throw usageError(`the document ${file} cannot be read (${errno})`, "Check the path and its mode.")
  }
}
