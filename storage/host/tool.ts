import { StorageError, type StorageErrorCode } from "../errors.js"
import type { ProgramAnswer, RunOptions } from "./run-program.js"

/** Runs one program with a list of arguments; another one stands in for it in tests of what runs nowhere. */
export type ToolRunner = (
  program: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<ProgramAnswer>

export const runTool: ToolRunner = async (program, args, options) => {
  // What starts programs takes long to load, and few daemons need it.
  const { runForAnswer } = await import("./run-program.js")
  return runForAnswer(program, args, options)
}

/**
 * A directory that is held open. Programs get the descriptor and not the name: a name might begin with "-", hold blanks that a
 * program takes it apart at, or lead elsewhere by the time that the program looks.
 */
export interface OpenDirectory {
  readonly descriptor: number
  /** For messages. */
  readonly path: string
}

/** What a program calls the first, second, … directory that it is given. Not the link itself, which chattr would refuse. */
export function given(index: number): string {
  return `/proc/self/fd/${3 + index}/.`
}

/** Runs a program on directories, and gives what it printed; a failure is told with what it complained of. */
export async function runOn(
  run: ToolRunner,
  program: string,
  args: readonly string[],
  directories: readonly OpenDirectory[],
  options: Omit<RunOptions, "descriptors"> = {},
): Promise<string> {
  const descriptors = directories.map(({ descriptor }) => descriptor)
  const answer = await run(program, args, { ...options, descriptors })
  if (answer.exitCode === 0) return answer.stdout
  throw toolFailure(program, args, answer, directories)
}

/** What a program that failed said, as an error with the next step. */
export function toolFailure(
  program: string,
  args: readonly string[],
  { stderr, exitCode }: ProgramAnswer,
  directories: readonly OpenDirectory[] = [],
): StorageError {
  const named = directories.reduce(
    (text, { path }, index) =>
      text.replaceAll(given(index), path).replaceAll(`/proc/self/fd/${3 + index}`, path),
    stderr,
  )
  const said = named.trim().slice(0, mostSaid)
  const [code, hint] = judge(said)
  return new StorageError(
    code,
    `${program} ${args[0] ?? ""} failed: ${said === "" ? "it said nothing" : said}`,
    {
      facts: { program, exitCode, said },
      hint,
    },
  )
}

/** Of what it says, so many characters are kept. */
const mostSaid = 600

/** Programs written in Go tell the system's errors without capitals. */
function judge(said: string): [StorageErrorCode, string] {
  if (/operation not permitted|permission denied|superuser|must be root/i.test(said))
    return ["unreadable", "Run the daemon as root, or with CAP_SYS_ADMIN in its container."]
  if (/no space left on device/i.test(said)) return ["io", "Make room on the filesystem."]
  if (/disk quota exceeded/i.test(said)) return ["io", "Raise the quota, or make room in it."]
  if (/input\/output error|structure needs cleaning/i.test(said))
    return ["io", "Look at the kernel log and at the health of the disk."]
  if (/read-only file system/i.test(said)) return ["unreadable", "Mount the filesystem writable."]
  return ["unsupported", "Look at what the program said; run it by hand if that is not enough."]
}
