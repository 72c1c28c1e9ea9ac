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
    const { stdout } = await execa(program, args, { ...optionsFor(patienceMs), stdin: "ignore" })
    return stdout
  } catch (cause) {
    throw programError(program, patienceMs, cause)
  }
}

/** The same for a program whose failure is an answer: whether it failed, and what it wrote. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  milliseconds: number,
): Promise<{ stdout: string; stderr: string; failed: boolean }> {
  try {
    const { stdout, stderr } = await execa(program, args, { ...optionsFor(milliseconds), stdin: "ignore" })
    return { stdout, stderr, failed: false }
  } catch (cause) {
    if (cause instanceof ExecaError && cause.exitCode !== undefined && !cause.timedOut) {
      return { stdout: String(cause.stdout), stderr: String(cause.stderr), failed: true }
    }
    throw programError(program, milliseconds, cause)
  }
}

/** What a program answered, whichever way it ended by itself. */
export interface ProgramAnswer {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

export interface RunOptions {
  readonly milliseconds?: number
  /** Open files that the program gets as its descriptors 3, 4, … */
  readonly descriptors?: readonly number[]
  /** Ends the program. */
  readonly signal?: AbortSignal | undefined
  /** Beside PATH and HOME. Secrets may be in it; it is in no error. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** The user that it runs as, without further groups; undefined: ours. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** The directory that it runs in. */
  readonly workingDirectory?: string | undefined
}

/** Lists of filesystem snapshots and of quotas are long. */
const longestAnswer = 16 * 1024 * 1024

/**
 * The same for a program whose answer has to be read together with its complaints. Throws the signal's reason when that ended
 * it, StorageError `missing`, `unreadable`, `timeout`, and `unsupported` when something killed it.
 */
export async function runForAnswer(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramAnswer> {
  const { milliseconds = patienceMs, descriptors = [], signal, environment, user, workingDirectory } = options
  signal?.throwIfAborted()
  try {
    const usual = optionsFor(milliseconds)
    const { stdout, stderr } = await execa(program, args, {
      ...usual,
      env: { ...usual.env, ...environment },
      ...user,
      ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
      // Whole numbers of any size go; execa's types know those below ten.
      stdio: ["ignore", "pipe", "pipe", ...(descriptors as readonly 3[])],
      maxBuffer: longestAnswer,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    })
    return { stdout, stderr, exitCode: 0 }
  } catch (cause) {
    signal?.throwIfAborted()
    if (
      cause instanceof ExecaError &&
      cause.exitCode !== undefined &&
      !cause.timedOut &&
      !cause.isMaxBuffer
    ) {
      return { stdout: String(cause.stdout), stderr: String(cause.stderr), exitCode: cause.exitCode }
    }
    throw programError(program, milliseconds, cause)
  }
}

function optionsFor(milliseconds: number) {
  return {
    timeout: milliseconds,
    killSignal: "SIGKILL",
    extendEnv: false,
    // What administers filesystems and servers is in sbin, which is not on every daemon's PATH.
    env: { PATH: `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`, HOME: "/nonexistent" },
    maxBuffer: 256 * 1024,
  } as const
}

function programError(program: string, milliseconds: number, cause: unknown): unknown {
  if (!(cause instanceof ExecaError)) return cause
  const facts = { program }
  if (cause.code === "ENOENT") {
    const hint = "Install it, or put its folder on the daemon's PATH."
    return new StorageError("missing", `there is no program ${program}`, { facts, hint, cause })
  }
  if (cause.code === "EACCES") {
    return new StorageError("unreadable", `${program} may not be run`, {
      facts,
      hint: "Make it executable for the daemon's user.",
      cause,
    })
  }
  if (cause.code === "EPERM") {
    return new StorageError("unreadable", `${program} may not be run as the user that it is to be`, {
      facts,
      hint: "Run the daemon as root, or with CAP_SETUID and CAP_SETGID in its container.",
      cause,
    })
  }
  if (cause.timedOut) {
    return new StorageError("timeout", `${program} did not answer within ${milliseconds / 1000} s`, {
      facts,
      cause,
    })
  }
  return new StorageError("unsupported", `${program} failed (exit code ${cause.exitCode ?? "none"})`, {
    facts,
    cause,
  })
}
