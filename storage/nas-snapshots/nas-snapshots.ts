import type { FilesystemSnapshots } from "../disk/index.js"
import { StorageError } from "../errors.js"

/**
 * Filesystem snapshots that a NAS system makes by its own interface, of the dataset or shared folder that a store lies in. All throw
 * StorageError. The system knows one hold, without a name: whoever lets go, lets go for all.
 */
export interface NasSnapshots extends Omit<FilesystemSnapshots, "place"> {
  readonly kind: "truenas" | "synology"
  /** The dataset, or the shared folder. */
  readonly of: string
  /** What somebody who relies on them has to know. Sentences. */
  readonly notices: readonly string[]
  /** Where one can be read from the store's own directory, if the system shows it there; relative to that. */
  readonly shownAt: (name: string) => string
}

/** What no snapshot of these systems tells. */
export const nothingMore = {
  expiresAt: undefined,
  path: undefined,
  state: "whole",
  ownBytes: { unknown: "the system does not say it of each" },
} as const

export function notThere(name: string, of: string): StorageError {
  return new StorageError("missing", `there is no filesystem snapshot ${name} of ${of}`, {
    facts: { name },
    hint: "`cistern filesystem-snapshots` lists them.",
  })
}

export function notOurs(name: string): StorageError {
  return new StorageError("invalid", `${JSON.stringify(name)} is no filesystem snapshot of Cistern's`, {
    facts: { name },
    hint: "Only those that Cistern made are held, released or removed.",
  })
}

export function isHeld(name: string, system: string): StorageError {
  return new StorageError("invalid", `the filesystem snapshot ${name} is held in ${system}`, {
    facts: { name },
    hint: "Release it first, when nobody needs it any more.",
  })
}
