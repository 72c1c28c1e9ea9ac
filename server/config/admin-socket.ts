import { join, relative } from "node:path"
import { ConfigError } from "./config-error.js"

/** The kernel's limit for the address of a Unix socket, without the final zero. */
const maxBytes = 107

/**
 * Where daemon and command line meet. The shorter of the absolute and the relative path, because the kernel takes only a
 * short one; throws ConfigError when both are too long.
 */
export function adminSocketPath(stateDirectory: string, workingDirectory = process.cwd()): string {
  const absolute = join(stateDirectory, "cistern.sock")
  if (Buffer.byteLength(absolute) <= maxBytes) return absolute
  const near = relative(workingDirectory, absolute)
  if (Buffer.byteLength(near) <= maxBytes) return near
  throw new ConfigError(
    `the path of the state directory is too long for a socket in it (${Buffer.byteLength(absolute)} bytes, ${maxBytes} fit)`,
    "Choose a state directory with a shorter path (CISTERN_STATE).",
  )
}
