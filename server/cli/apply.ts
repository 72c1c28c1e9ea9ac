import { readFileSync } from "node:fs"
import type { Command } from "commander"
import { errnoOf } from "../../storage/errno.js"
import { DocumentError, parseDocument } from "../config/index.js"
import { adminPaths, type ApplyJson, applyJson, type ApplyRequest } from "../http/contract/admin.js"
import { CliError, usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { expected, refusal } from "./daemon-client.js"
import { changesSomething, renderApply } from "./diff-text.js"
import { exitCodes } from "./exit-codes.js"
import { printable } from "./printable.js"

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
  const { out } = context
  const text = options.file === "-" ? await context.readInput() : readDocument(options.file)
  checkDocument(text, options.file)
  const request = {
    document: text,
    remove: options.remove ?? false,
    accept: [...options.accept],
    iKnow: options.iKnow ?? false,
  }
  const plan = await send({ ...request, dryRun: true }, context)
  const open = plan.acknowledgements.filter(({ accepted }) => !accepted)
  const asks = out.interactive && options.yes !== true && options.dryRun !== true && options.json !== true
  if (options.json !== true) out.text(renderApply(plan, out))
  if (open.length > 0 && options.dryRun !== true) {
    if (options.json === true) out.json(plan)
    else
      out.note(
        `Nothing was applied. Acknowledge with: ${[...new Set(open.map(({ option }) => option))].join(" ")}`,
      )
    context.exitWith(exitCodes.refused)
    return
  }
  if (options.dryRun === true || (!changesSomething(plan) && plan.acknowledgements.length === 0)) {
    if (options.json === true) out.json(plan)
    return
  }
  if (asks && !(await context.confirm("Apply these changes?"))) {
    out.note("Nothing was applied.")
    return
  }
  const applied = await send({ ...request, basis: plan.basis }, context)
  if (options.json === true) out.json(applied)
  else out.text(["Applied.", ...applied.notices.map((notice) => printable(notice))].join("\n"))
}

async function send(request: ApplyRequest, context: Context): Promise<ApplyJson> {
  const reply = await context.daemon().send("POST", adminPaths.apply, request)
  // With acknowledgements missing the plan comes back under status 409.
  if (reply.status === 200 || applyJson.safeParse(reply.body).success) return expected(reply, applyJson)
  throw refusal(reply)
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
