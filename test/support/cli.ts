import { Readable } from "node:stream"
import { runCli } from "../../server/cli/run.js"

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliInput {
  readonly environment?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Somebody at a terminal. */
  readonly terminal?: boolean
}

/** Runs one command in this process, as `cistern` would in its own. */
export async function cli(args: readonly string[], input: CliInput = {}): Promise<CliResult> {
  const written = { stdout: "", stderr: "" }
  const isTTY = input.terminal ?? false
  const stream = (name: "stdout" | "stderr") => ({
    isTTY,
    write: (text: string) => {
      written[name] += text
    },
  })
  const stdin = Object.assign(Readable.from(input.stdin === undefined ? [] : [input.stdin]), { isTTY })
  const exitCode = await runCli({
    args,
    environment: { CISTERN_STATE: "/nonexistent/cistern", NO_COLOR: "1", ...input.environment },
    stdin,
    stdout: stream("stdout"),
    stderr: stream("stderr"),
  })
  return { exitCode, ...written }
}
