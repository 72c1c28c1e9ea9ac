import { type DropIn, readDropIn } from "./drop-in.js"
import { type Environment, type EnvironmentConfig, readEnvironment } from "./environment.js"

/** Everything the daemon is told before it starts. */
export interface Config extends EnvironmentConfig {
  /** pvc-plumber's own variables: then that one repository is served, on all addresses at its port. */
  readonly dropIn: DropIn | undefined
}

/** Throws ConfigError with what is wrong, by the variables' names. */
export function readConfig(environment: Environment): Config {
  const config = readEnvironment(environment)
  const dropIn = readDropIn(environment)
  if (dropIn === undefined) return { ...config, dropIn }
  return { ...config, dropIn, listen: { host: "::", port: dropIn.port }, logLevel: dropIn.logLevel }
}
