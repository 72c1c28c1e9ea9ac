import { spawn } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"

export interface ProgramResult {
  /** Undefined: it was killed. */
  readonly code: number | undefined
  readonly output: string
  readonly errors: string
}

/** Runs a program without stopping this process meanwhile; after `killAfterMs` it is killed as by a power cut. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; killAfterMs?: number | undefined },
): Promise<ProgramResult> {
  const child = spawn(program, args, { env: options.env, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  let errors = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => {
      resolve(code ?? undefined)
    })
  })
  if (options.killAfterMs !== undefined) {
    await Promise.race([ended, delay(options.killAfterMs)])
    child.kill("SIGKILL")
  }
  return { code: await ended, output, errors }
}
