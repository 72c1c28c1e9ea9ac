import type { Command } from "commander"
import { type QuotaJson, quotaPaths, quotasJson } from "../../http/contract/quotas.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatBytes, formatTime } from "../figures.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"

const columns: readonly Column<QuotaJson>[] = [
  { title: "STATE", of: ({ state, problem }) => (problem === null ? state : `${state}: ${problem.code}`) },
  { title: "DIRECTORY", of: ({ store, path }) => `${store}:${path}` },
  { title: "REPOSITORY", of: ({ repository }) => repository },
  { title: "KEPT BY", of: ({ kind, limitBytes }) => (limitBytes === null ? "-" : kind) },
  { title: "LIMIT", of: ({ limitBytes }) => formatBytes(limitBytes), align: "right" },
  { title: "USED", of: ({ usedBytes }) => formatBytes(usedBytes), align: "right" },
  {
    title: "%",
    of: ({ usedPercent }) => (usedPercent === null ? "-" : usedPercent.toFixed(1)),
    align: "right",
  },
  { title: "MEASURED (UTC)", of: ({ measuredAt, measuring }) => measured(measuredAt, measuring) },
]

interface ListOptions {
  readonly store?: string
  readonly repository?: string
  readonly json?: boolean
}

export function listCommand(quotas: Command, context: Context): void {
  quotas
    .command("list", { isDefault: true })
    .description("list them; ends with 1 when a backup would fail, with 3 when a limit cannot be told")
    .option("--store <name>", "only those of this store")
    .option("--repository <name>", "only those of this repository")
    .option("--json", "print JSON")
    .action(async ({ store, repository, json }: ListOptions) => {
      const answer = await context.daemon().get(quotaPaths.quotas, quotasJson, { store, repository })
      if (json === true) context.out.json(answer)
      else {
        context.out.table(answer.quotas, columns, "No repository in a store is declared.")
        const said = answer.quotas.flatMap((row) => sentences(row, context))
        if (said.length > 0) context.out.text(["", ...said].join("\n"))
      }
      if (answer.quotas.some(({ state }) => state === "full")) context.exitWith(exitCodes.wrong)
      else if (answer.quotas.some(({ state }) => state === "unknown")) context.exitWith(exitCodes.unclear)
    })
}

/** What is to be known of a row, and done about it. */
function sentences({ store, path, state, problem, findings }: QuotaJson, { out }: Context): string[] {
  const name = printable(`${store}:${path}`)
  if (findings.length === 0) {
    if (problem === null || state === "missing") return []
    return [
      `${out.colour("yellow", "unknown")}  ${name}: ${printable(problem.message)}`,
      ...hinted(problem.hint),
    ]
  }
  return findings.flatMap(({ severity, message, hint }) => [
    `${severity === "fail" ? out.colour("red", "FAIL   ") : out.colour("yellow", "warn   ")}  ${name}: ${printable(message)}`,
    ...hinted(hint),
  ])
}

function hinted(hint: string | null): string[] {
  return hint === null ? [] : [`         ${printable(hint)}`]
}

function measured(at: string | null, measuring: number | null): string {
  return measuring === null ? formatTime(at) : `${formatTime(at)} (${measuring} files so far)`
}
