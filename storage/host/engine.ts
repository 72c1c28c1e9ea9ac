import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { EngineCommand } from "../engine-command.js"
import { StorageError } from "../errors.js"
import { type OpenDirectory, runTool, toolFailure } from "./tool.js"

/** A disk that sleeps has to wake up, and one that is busy is slow. */
const patienceMs = 10 * 60_000
/** A program that waits for a dead disk cannot even be killed. */
const unkillableMs = 5_000

/** Where the engine's program finds the directory that it is to work in: descriptors are passed on, names may lead elsewhere. */
export const GIVEN_REPOSITORY = "/proc/self/fd/3"

export interface EngineRun {
  /** A path, or a name that is looked for in PATH. */
  readonly program: string
  /**
   * What to run, one after the other until one fails, by the path of a directory of the engine's own. Its repository is at
   * GIVEN_REPOSITORY.
   */
  readonly command: (home: string) => EngineCommand | readonly EngineCommand[]
  readonly repository: OpenDirectory
  /** Whose the files shall be that it writes. */
  readonly user: { readonly uid: number; readonly gid: number }
  /** Of each command. */
  readonly milliseconds?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the real program of an engine on a repository, as the user whose that is to be, with nothing of this process' environment and
 * a configuration and caches of its own that are gone afterwards. Gives what the last one wrote to standard output. Throws StorageError
 * `missing`, `unreadable`, `timeout`, `invalid` for a password that cannot be passed on, and otherwise by what the program complained of.
 */
export async function runEngine({
  program,
  command,
  repository,
  user,
  milliseconds = patienceMs,
  signal,
}: EngineRun): Promise<string> {
  const home = privateFolder(user)
  try {
    let said = ""
    for (const { args, environment, secrets } of [command(home)].flat()) {
      const answer = runTool(program, args, {
        milliseconds,
        signal,
        descriptors: [repository.descriptor],
        workingDirectory: home,
        environment: { ...environment, ...revealed(secrets), HOME: home, TMPDIR: home, XDG_CACHE_HOME: home },
        ...(isOurs(user) ? {} : { user }),
      })
      const { stdout, ...rest } = await unlessStuck(answer, program, milliseconds)
      said = stdout
      if (rest.exitCode === 0) continue
      const complaint = rest.stderr.replaceAll(`${GIVEN_REPOSITORY}/.`, repository.path)
      throw toolFailure(program, args, {
        ...rest,
        stdout,
        stderr: complaint.replaceAll(GIVEN_REPOSITORY, repository.path),
      })
    }
    return said
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** Nobody else may look into it, and it goes with this process' temporary files if the process is killed. It holds no secret. */
function privateFolder({ uid, gid }: EngineRun["user"]): string {
  const folder = mkdtempSync(join(tmpdir(), "cistern-engine-"))
  try {
    chmodSync(folder, 0o700)
    if (!isOurs({ uid, gid })) chownSync(folder, uid, gid)
    return folder
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true })
    throw new StorageError("unreadable", `${folder} cannot be given to ${uid}:${gid}`, {
      hint: "Run the daemon as root, or as the user that the movers write as.",
      cause,
    })
  }
}

function isOurs({ uid, gid }: EngineRun["user"]): boolean {
  return process.geteuid?.() === uid && process.getegid?.() === gid
}

function revealed(secrets: EngineCommand["secrets"]): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const [name, secret] of Object.entries(secrets)) {
    const text = secret.reveal()
    if (text.includes("\0")) {
      throw new StorageError("invalid", "the password holds a NUL, which no program can be given", {
        hint: "Give the repository another password; movers could not use this one either.",
      })
    }
    environment[name] = text
  }
  return environment
}

/** The answer, or that there is none even after the program should have been killed. */
async function unlessStuck<T>(answer: Promise<T>, program: string, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const stuck = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new StorageError("timeout", `${program} does not end, not even by being killed`, {
          facts: { program },
          hint: "It waits for a disk or a file server: look at the kernel log.",
        }),
      )
    }, milliseconds + unkillableMs)
  })
  try {
    return await Promise.race([answer, stuck])
  } finally {
    clearTimeout(timer)
  }
}
