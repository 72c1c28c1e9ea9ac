import type { Command } from "commander"
import {
  adminPaths,
  type ApplyExportsRequest,
  type ExportJson,
  type ExportsAppliedJson,
  exportsAppliedJson,
  exportsJson,
} from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { exportsStepsCommand } from "./exports-steps.js"
import { exportsClientsCommand } from "./exports-clients.js"
import { exitCodes } from "./exit-codes.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"
import type { Column } from "./table.js"

function clientsText({ networks, hosts, netgroups }: ExportJson): string {
  const named = hosts.map(({ name, addresses }) =>
    addresses.length === 0 ? `${name} (nobody)` : `${name} (${addresses.join(" ")})`,
  )
  return [...networks, ...named, ...netgroups].join(" ")
}

function accessText({ access, everybody }: ExportJson): string {
  if (everybody) return "read-write for EVERYBODY"
  return access === "readWrite" ? "read-write" : "read-only"
}

const columns: readonly Column<ExportJson>[] = [
  { title: "STATE", of: ({ state }) => state },
  { title: "DIRECTORY", of: ({ directory }) => directory },
  { title: "CLUSTER", of: ({ cluster }) => cluster },
  { title: "CLIENTS", of: clientsText },
  { title: "ACCESS", of: accessText },
  { title: "EVERYBODY IS", of: ({ squash }) => (squash === null ? "-" : `${squash.uid}:${squash.gid}`) },
]

export function exportsCommand(program: Command, context: Context): void {
  const exports = program
    .command("exports")
    .description("the declared NFS exports, beside what the NFS server of this machine exports")
  exports
    .command("list", { isDefault: true })
    .description("list them with their state")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(adminPaths.exports, exportsJson)
      if (json === true) {
        context.out.json(answer)
        return
      }
      context.out.table(answer.exports, columns, "No export is declared.")
      context.out.problems(answer.exports.map(({ directory, problem }) => ({ name: directory, problem })))
    })
  exports
    .command("show")
    .description("print what may be exported now, as a file for /etc/exports.d")
    .action(async () => {
      const { file } = await context.daemon().get(adminPaths.exports, exportsJson)
      context.out.text(file.trimEnd())
    })
  exportsClientsCommand(exports, context)
  exportsStepsCommand(exports, context)
  exports
    .command("apply")
    .description(
      "have the NFS server export what is declared; shows what changes first, and reads back what it exports",
    )
    .option("--dry-run", "only show what would change")
    .option(
      "--i-know",
      "that everybody may write where it is declared so is meant; asked for once for each export",
    )
    .option("--replace", "also where /etc/exports.d/cistern.exports is not as it was left")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((options: ApplyOptions) => apply(options, context))
}

interface ApplyOptions {
  readonly dryRun?: boolean
  readonly replace?: boolean
  readonly iKnow?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

async function apply(options: ApplyOptions, context: Context): Promise<void> {
  const { out } = context
  const send = (request: ApplyExportsRequest): Promise<ExportsAppliedJson> =>
    context.daemon().post(adminPaths.applyExports, request, exportsAppliedJson)
  const replace = options.replace ?? false
  const iKnow = options.iKnow ?? false
  const plan = await send({ dryRun: true, replace, iKnow })
  const asks = out.interactive && options.yes !== true && options.dryRun !== true && options.json !== true
  if (options.json !== true) out.text(renderPlan(plan, out))
  if (plan.everybody.length > 0 && !iKnow && options.dryRun !== true) {
    if (options.json === true) out.json(plan)
    else out.note("Nothing was applied. If it is meant that everybody may write: --i-know")
    context.exitWith(exitCodes.refused)
    return
  }
  if (options.dryRun === true || (!changesSomething(plan) && plan.everybody.length === 0)) {
    if (options.json === true) out.json(plan)
    return
  }
  if (asks && !(await context.confirm("Apply these exports?"))) {
    out.note("Nothing was applied.")
    return
  }
  const applied = await send({ replace, iKnow, basis: plan.basis })
  if (options.json === true) out.json(applied)
  else out.text("Applied, and read back.")
}

function changesSomething({ added, removed, notLoaded }: ExportsAppliedJson): boolean {
  return added.length + removed.length > 0 || notLoaded
}

function renderPlan(plan: ExportsAppliedJson, out: Output): string {
  const lines = [
    ...plan.removed.map((line) => out.colour("red", `- ${printable(line)}`)),
    ...plan.added.map((line) => out.colour("green", `+ ${printable(line)}`)),
  ]
  if (plan.notLoaded)
    lines.push("The file is as declared, but the NFS server does not export so: it is loaded again.")
  if (!changesSomething(plan)) lines.push("Nothing changes.")
  return [
    ...lines,
    ...plan.withheld.map((one) => out.colour("yellow", `not exported: ${printable(one)}`)),
    ...plan.everybody.map((one) => out.colour("red", `must be acknowledged (--i-know): ${printable(one)}`)),
  ].join("\n")
}
