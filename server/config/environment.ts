import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { type LogLevel, parseLogLevel } from "../log.js"
import { ownPackage } from "../package.js"
import { type ListenAddress, parseListenAddress } from "./listen-address.js"

export type Environment = Readonly<Record<string, string | undefined>>

/** What the process is told by its environment (design §4). */
export interface EnvironmentConfig {
  /** Absolute. */
  readonly stateDirectory: string
  readonly listen: ListenAddress
  /** A document that is applied at the start. Absolute. */
  readonly configFile: string | undefined
  readonly logLevel: LogLevel
  /** What secrets are sealed under; undefined: the file "key" in the state directory. Absolute. */
  readonly keyFile: string | undefined
  /** The engines' programs where they are given; otherwise they are looked for in PATH. */
  readonly kopia: string | undefined
  readonly restic: string | undefined
}

/** Reads the variables of ours. An empty one counts as not set. Throws ConfigError that names the variable. */
export function readEnvironment(environment: Environment): EnvironmentConfig {
  const said = (name: string): string | undefined => environment[name]?.trim() || undefined
  const path = (name: string): string | undefined => {
    const value = said(name)
    return value === undefined ? undefined : resolve(value)
  }
  return {
    stateDirectory: path("CISTERN_STATE") ?? usualStateDirectory(),
    listen: parseListenAddress(said("CISTERN_LISTEN") ?? "127.0.0.1:8080", "CISTERN_LISTEN"),
    configFile: path("CISTERN_CONFIG"),
    keyFile: path("CISTERN_KEY_FILE"),
    logLevel: parseLogLevel(said("LOG_LEVEL")),
    kopia: path("CISTERN_KOPIA"),
    restic: path("CISTERN_RESTIC"),
  }
}

/** A checkout keeps its state beside the sources, so that trying it out leaves nothing elsewhere. */
function usualStateDirectory(): string {
  const root = ownPackage()?.directory
  return root !== undefined && existsSync(join(root, "tsconfig.json"))
    ? join(root, ".cistern")
    : "/var/lib/cistern"
}
