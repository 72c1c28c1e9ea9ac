import type { Command } from "commander"
import {
  directoryPaths,
  directoryRestoredJson,
  purgeRunJson,
  quarantineJson,
  type QuarantineJson,
} from "../../http/contract/directories.js"
import { CliError, usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatTime } from "../figures.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"
import { followRun } from "./follow-run.js"

type Retired = QuarantineJson["directories"][number]

const columns: readonly Column<Retired>[] = [
  { title: "ID", of: ({ id }) => id },
  { title: "STATE", of: ({ state }) => state },
  { title: "WAS AT", of: ({ store, path }) => `${store}:${path ?? "?"}` },
  { title: "RETIRED (UTC)", of: ({ retiredAt }) => formatTime(retiredAt) },
  { title: "HELD UNTIL (UTC)", of: ({ holdUntil }) => formatTime(holdUntil) },
  { title: "BY", of: ({ by }) => by ?? "-" },
]

interface Options {
  readonly store?: string
  readonly yes?: boolean
  readonly json?: boolean
}

export function quarantineCommands(directories: Command, context: Context): void {
  directories
    .command("quarantine")
    .description("list what is retired")
    .option("--json", "print JSON")
    .action(async ({ json }: Options) => {
      const answer = await context.daemon().get(directoryPaths.quarantine, quarantineJson)
      if (json === true) context.out.json(answer)
      else context.out.table(answer.directories, columns, "Nothing is retired.")
      for (const one of answer.unknown) context.out.note(`not known: ${printable(one)}`)
      if (answer.unknown.length > 0) context.exitWith(exitCodes.unclear)
    })
  withRetired(directories.command("restore"))
    .description("move a retired directory back to its place, if nothing is there now")
    .action(async (id: string, options: Options) => {
      const path = `${await pathOf(id, options, context)}/restore`
      const answer = await context.daemon().post(path, {}, directoryRestoredJson)
      if (options.json === true) context.out.json(answer)
      else context.out.text(`${printable(`${answer.store}:${answer.path}`)} is back in its place.`)
    })
  withRetired(directories.command("purge"))
    .description("delete a retired directory for good, after its holding period")
    .option("-y, --yes", "do not ask")
    .action((id: string, options: Options) => purge(id, options, context))
}

function withRetired(command: Command): Command {
  return command
    .argument("<id>", "what is retired, as `quarantine` lists it")
    .option("--store <name>", "the store; may be left out where no other one has that id")
    .option("--json", "print JSON")
}

async function purge(id: string, options: Options, context: Context): Promise<void> {
  const { out } = context
  const path = `${await pathOf(id, options, context)}/purge`
  // Nothing brings it back, so a script has to say that it is meant.
  if (options.yes !== true) {
    if (!out.interactive || options.json === true) {
      throw new CliError("not_confirmed", "it would be deleted for good", exitCodes.refused, {
        hint: "Say --yes if that is meant.",
      })
    }
    if (!(await context.confirm(`Delete ${id} for good?`))) {
      out.note("Nothing was deleted.")
      return
    }
  }
  const purged = await followRun({ path, body: {}, schema: purgeRunJson }, "deleted", context)
  if (options.json === true) out.json(purged)
  else out.text(`Deleted ${id}, ${purged.files} files and folders.`)
}

async function pathOf(id: string, { store }: Options, context: Context): Promise<string> {
  const its = store ?? (await storeOf(id, context))
  return `${directoryPaths.quarantine}/${encodeURIComponent(its)}/${encodeURIComponent(id)}`
}

async function storeOf(id: string, context: Context): Promise<string> {
  const { directories } = await context.daemon().get(directoryPaths.quarantine, quarantineJson)
  const found = directories.filter((one) => one.id === id)
  const [first] = found
  if (first !== undefined && found.length === 1) return first.store
  throw usageError(
    first === undefined ? `nothing is retired under ${id}` : `several stores have something under ${id}`,
    first === undefined ? "`cistern directories quarantine` lists what is." : "Name one with --store.",
  )
}
