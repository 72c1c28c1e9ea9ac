import type { Command } from "commander"
import { type EnvironmentConfig, readEnvironment } from "../config/index.js"
import { adminPaths, type CheckJson, doctorJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { isNoDaemon } from "./daemon-client.js"
import { engineChecks } from "./doctor/engines.js"
import { machineChecks } from "./doctor/machine.js"
import { stateChecks } from "./doctor/state.js"
import { exitCodes } from "./exit-codes.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"

export function doctorCommand(program: Command, context: Context): void {
  program
    .command("doctor")
    .description(
      "check the machine, the state, the engines, the stores and the repositories, and say what to do",
    )
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const config = readEnvironment(context.environment)
      const checks = [
        ...machineChecks(config),
        ...stateChecks(config),
        ...(await engineChecks(config)),
        ...(await daemonChecks(context, config)),
      ]
      if (json === true) context.out.json({ checks })
      else context.out.text(checks.map((check) => renderCheck(check, context.out)).join("\n"))
      if (checks.some(({ status }) => status === "fail")) context.exitWith(exitCodes.wrong)
    })
}

/** What only the daemon knows: its stores, its repositories and how old its listings are. */
async function daemonChecks(context: Context, config: EnvironmentConfig): Promise<CheckJson[]> {
  try {
    const { checks } = await context.daemon().get(adminPaths.doctor, doctorJson)
    const running: CheckJson = { name: "daemon", status: "ok", detail: "it runs and answers", hint: null }
    return [running, ...checks]
  } catch (error) {
    if (!isNoDaemon(error)) throw error
    return [
      {
        name: "daemon",
        status: "warn",
        detail: `no daemon runs on ${config.stateDirectory}, so stores and repositories are not checked`,
        hint: "Start it with `cistern serve`, or say where its state is with CISTERN_STATE.",
      },
    ]
  }
}

const signs = { ok: ["ok  ", "green"], warn: ["warn", "yellow"], fail: ["FAIL", "red"] } as const

function renderCheck({ name, status, detail, hint }: CheckJson, out: Output): string {
  const [sign, colour] = signs[status]
  const line = `${out.colour(colour, sign)}  ${printable(name)}: ${printable(detail)}`
  return hint === null || status === "ok" ? line : `${line}\n      ${printable(hint)}`
}
