import { createInterface } from "node:readline/promises"
import { text } from "node:stream/consumers"
import type { Environment } from "../config/index.js"
import type { Context } from "./context.js"
import { daemonOf } from "./context.js"
import { type ExitCode, exitCodes } from "./exit-codes.js"
import { Output, type Streams } from "./output.js"
import { createProgram } from "./program.js"
import { reportError } from "./report-error.js"

export interface Invocation extends Streams {
  /** Without the names of node and of the program. */
  readonly args: readonly string[]
  readonly environment: Environment
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
}

/** Runs one command to its end and says what the process should exit with. Never throws. */
export async function runCli({ args, environment, stdin, ...streams }: Invocation): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  const out = new Output(streams, environment, stdin.isTTY === true)
  const context: Context = {
    out,
    environment,
    daemon: () => daemonOf(environment),
    readInput: () => text(stdin),
    confirm: (question) => confirm(question, stdin, streams),
    exitWith: (code) => {
      exitCode = code
    },
  }
  try {
    await createProgram(context).parseAsync([...args], { from: "user" })
    return exitCode
  } catch (error) {
    const report = reportError(error, environment["LOG_LEVEL"]?.toLowerCase() === "debug")
    if (report.text !== "") out.note(report.text)
    return report.exitCode
  }
}

async function confirm(
  question: string,
  input: NodeJS.ReadableStream,
  { stderr }: Streams,
): Promise<boolean> {
  stderr.write(`${question} [y/N] `)
  const lines = createInterface({ input })
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    lines.close()
  }
}
