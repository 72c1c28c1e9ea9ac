import { execa, ExecaError } from "execa"
import { StorageError } from "../errors.js"

/** Programs that only say who they are need no longer. */
const patienceMs = 10_000

/**
 * Runs a program with fixed arguments, no shell, no input and an empty environment but PATH and HOME, and gives what it
 * wrote to standard output. Throws StorageError `missing` when there is no such program, `timeout`, `unreadable` when it
 * may not be run, `unsupported` when it fails.
 */
export async function runProgram(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execa(program, args, {
      timeout: patienceMs,
      killSignal: "SIGKILL",
      stdin: "ignore",
      extendEnv: false,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/nonexistent" },
      maxBuffer: 64 * 1024,
    })
    return stdout
  } catch (cause) {
    throw programError(program, cause)
  }
}

function programError(program: string, cause: unknown): unknown {
  if (!(cause instanceof ExecaError)) return cause
  const facts = { program }
  if (cause.code === "ENOENT") {
    return new StorageError("missing", `there is no program ${program}`, { facts, cause })
  }
  if (cause.code === "EACCES") {
    return new StorageError("unreadable", `${program} may not be run`, {
      facts,
      hint: "Make it executable for the daemon's user.",
      cause,
    })
  }
  if (cause.timedOut) {
    return new StorageError("timeout", `${program} did not answer within ${patienceMs / 1000} s`, {
      facts,
      cause,
    })
  }
  return new StorageError("unsupported", `${program} failed (exit code ${cause.exitCode ?? "none"})`, {
    facts,
    cause,
  })
}
