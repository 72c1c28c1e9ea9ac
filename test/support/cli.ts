import { Readable } from "node:stream"
import { runCli } from "../../server/cli/run.js"

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** Standard output as it is, for what is no text. */
  readonly bytes: Buffer
}

export interface CliInput {
  readonly environment?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Somebody at a terminal. */
  readonly terminal?: boolean
}

/** Runs one command in this process, as `cistern` would in its own. */
export async function cli(args: readonly string[], input: CliInput = {}): Promise<CliResult> {
  const written: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] }
  const isTTY = input.terminal ?? false
  const stream = (name: "stdout" | "stderr") => ({
    isTTY,
    write: (data: string | Uint8Array, done?: () => void) => {
      written[name].push(Buffer.from(data))
      done?.()
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
  const bytes = Buffer.concat(written.stdout)
  return { exitCode, stdout: bytes.toString(), stderr: Buffer.concat(written.stderr).toString(), bytes }
}
