import { adminSocketPath, type Environment, readEnvironment } from "../config/index.js"
import { DaemonClient } from "./daemon-client.js"
import type { ExitCode } from "./exit-codes.js"
import type { Output } from "./output.js"

/** What every command is given. */
export interface Context {
  readonly out: Output
  readonly environment: Environment
  readonly daemon: () => DaemonClient
  /** Reads the whole of standard input. */
  readonly readInput: () => Promise<string>
  /** Asks somebody at a terminal; only when `out.interactive`. */
  readonly confirm: (question: string) => Promise<boolean>
  /** Sets what the process exits with; 0 otherwise. */
  readonly exitWith: (code: ExitCode) => void
}

/** The daemon of the state directory that the environment names. */
export function daemonOf(environment: Environment): DaemonClient {
  return new DaemonClient(adminSocketPath(readEnvironment(environment).stateDirectory))
}
