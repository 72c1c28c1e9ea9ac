import type { Command } from "commander"
import type { DirectoryTarget } from "../../http/contract/directories.js"
import { volumeArgument } from "../volume-argument.js"

export interface TargetOptions {
  readonly repository?: string
  readonly cluster?: string
}

/** Adds the argument that names a directory, and the options that tell which where several could be meant. */
export function withTarget(command: Command): Command {
  return command
    .argument("<directory>", "store:path, or namespace/pvc for the volume's own repository")
    .option("--repository <name>", "of a volume: its directory in this repository")
    .option("--cluster <name>", "the volume's cluster; may be left out when there is one")
}

/** Names of stores and volumes hold no colon. */
export function targetArgument(text: string, { repository, cluster }: TargetOptions): DirectoryTarget {
  const colon = text.indexOf(":")
  if (colon > 0) return { store: text.slice(0, colon), path: text.slice(colon + 1).replace(/\/+$/, "") }
  return {
    ...volumeArgument(text),
    ...(repository === undefined ? {} : { repository }),
    ...(cluster === undefined ? {} : { cluster }),
  }
}
