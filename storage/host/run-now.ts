import { spawnSync } from "node:child_process"
import { StorageError } from "../errors.js"
import type { ProgramAnswer } from "./run-program.js"

/** Of what it says, so much is read. */
const longestAnswer = 256 * 1024

/**
 * Runs a program to its end while this thread waits, as it waits for the disk: for what must not be apart from the file calls before
 * and after it. Fixed arguments, no shell, no input, no environment but PATH and HOME; `descriptors` are its 3, 4, … Throws StorageError
 * `missing`, `unreadable` when it may not be run, `timeout`, `unsupported` when something killed it.
 */
export function runNow(
  program: string,
  args: readonly string[],
  descriptors: readonly number[],
  milliseconds: number,
): ProgramAnswer {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    stdio: ["ignore", "pipe", "pipe", ...descriptors],
    // As for every program that is run here.
    env: { PATH: `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`, HOME: "/nonexistent" },
    encoding: "utf8",
    timeout: milliseconds,
    killSignal: "SIGKILL",
    maxBuffer: longestAnswer,
  })
  if (error === undefined && status !== null) return { stdout, stderr, exitCode: status }
  throw failure(program, milliseconds, error, signal)
}

function failure(
  program: string,
  milliseconds: number,
  cause: NodeJS.ErrnoException | undefined,
  signal: string | null,
): StorageError {
  const facts = { program }
  if (cause?.code === "ENOENT") {
    const hint = "Install it, or put its folder on the daemon's PATH."
    return new StorageError("missing", `there is no program ${program}`, { facts, hint, cause })
  }
  if (cause?.code === "EACCES") {
    const hint = "Make it executable for the daemon's user."
    return new StorageError("unreadable", `${program} may not be run`, { facts, hint, cause })
  }
  if (cause?.code === "ETIMEDOUT") {
    const message = `${program} did not answer within ${milliseconds / 1000} s`
    const hint = "The filesystem may hang: look at `cistern stores`, and try again."
    return new StorageError("timeout", message, { facts, hint, cause })
  }
  const how = signal ?? cause?.code ?? "unknown"
  const hint = "Run it by hand, and look at the kernel log."
  return new StorageError("unsupported", `${program} was ended (${how})`, { facts, hint, cause })
}
