import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { pathOf, type Spot } from "./spot.js"

/** Something of the snapshot that is not in the target, or not whole. */
export interface Failure {
  /** Below the target, as bytes. */
  readonly path: Uint8Array
  /** A StorageErrorCode of what could not be read; `exists`, `name_too_long`, `too_deep`, `not_written` for what could not be made. */
  readonly code: string
  readonly message: string
}

/** What a restored entry lacks. */
export type LossKind =
  | "owner"
  /** Permissions, or set-uid and set-gid where the owner is another. */
  | "mode"
  | "times"
  | "attributes"
  /** The names of one file are files of their own now. */
  | "hard_link"
  | "device"
  /** Nobody listens on a socket that was restored. */
  | "socket"

/** The same lack of many entries. */
export interface Loss {
  readonly what: LossKind
  readonly count: number
  /** The first of them. */
  readonly path: Uint8Array
  readonly why: string
}

export interface Progress {
  /** Names of files that are done, whole or not. */
  readonly files: number
  /** Bytes read of the snapshot. */
  readonly bytes: number
}

export interface RestoreResult {
  /** Names of files that were restored whole, those of hard links among them. */
  readonly files: number
  readonly directories: number
  /** Links, fifos and devices. */
  readonly others: number
  /** Of the files' content; of several names of one file once. */
  readonly bytes: number
  /** Of the further names of files: what they would have if each name was a file of its own. */
  readonly linkedBytes: number
  readonly seconds: number
  /** The first thousand. */
  readonly failed: readonly Failure[]
  readonly failedCount: number
  readonly lost: readonly Loss[]
  /** The repository was pruned meanwhile, and its indexes were read anew. */
  readonly reopened: boolean
  /** Why it ended before its end. What was restored until then stays. */
  readonly stopped: StorageError | undefined
}

const MOST_FAILURES = 1000

/** The account of one restore, while it goes on. */
export class Outcome {
  files = 0
  directories = 0
  others = 0
  bytes = 0
  linkedBytes = 0
  #failedCount = 0
  readonly #failed: Failure[] = []
  readonly #lost = new Map<LossKind, { count: number; readonly path: Uint8Array; readonly why: string }>()
  readonly #began = process.hrtime.bigint()

  fail(spot: Spot, code: string, message: string): void {
    this.#failedCount++
    if (this.#failed.length < MOST_FAILURES) this.#failed.push({ path: pathOf(spot), code, message })
  }

  lose(spot: Spot, what: LossKind, why: string): void {
    const known = this.#lost.get(what)
    if (known === undefined) this.#lost.set(what, { count: 1, path: pathOf(spot), why })
    else known.count++
  }

  result(reopened: boolean, stopped: StorageError | undefined): RestoreResult {
    const { files, directories, others, bytes, linkedBytes } = this
    return {
      ...{ files, directories, others, bytes, linkedBytes },
      seconds: Number(process.hrtime.bigint() - this.#began) / 1e9,
      failed: this.#failed,
      failedCount: this.#failedCount,
      lost: [...this.#lost].map(([what, loss]) => ({ what, ...loss })),
      reopened,
      stopped,
    }
  }
}

const ofThisName: Readonly<Record<string, readonly [string, string]>> = {
  EEXIST: [
    "exists",
    "something has this name already: the directory names it twice, or the filesystem takes two names for one",
  ],
  ENAMETOOLONG: ["name_too_long", "the name is longer than the filesystem takes"],
  EILSEQ: ["not_written", "the filesystem takes no such name"],
  EINVAL: ["not_written", "the filesystem takes no such name or entry"],
  EFBIG: ["not_written", "the file is larger than the filesystem takes"],
  EPERM: ["not_written", "the system does not permit to make it"],
  ENOTSUP: ["not_written", "the filesystem knows no such entry"],
  ENOSYS: ["not_written", "the filesystem knows no such entry"],
}

/** What a failed call says of one entry; undefined when it concerns the whole disk, and nothing else can be written either. */
export function failureOfEntry(error: unknown): readonly [code: string, message: string] | undefined {
  return ofThisName[errnoOf(error) ?? ""]
}

/** The end of a restore because of the disk that is written to. Passes on what is no system call's. */
export function diskFailure(cause: unknown, path: string): unknown {
  if (cause instanceof StorageError) return cause
  const errno = errnoOf(cause)
  if (errno === undefined) return cause
  const facts = { file: path, errno }
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new StorageError("no_space", `${path} cannot take more (${errno})`, {
      facts,
      hint: "Make room there or raise the quota, or restore to a larger disk: into a new, empty directory.",
      cause,
    })
  }
  if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP") {
    return new StorageError("unstable", `somebody changed ${path} while it was being filled (${errno})`, {
      facts,
      hint: "Find out who, and restore into another new directory.",
      cause,
    })
  }
  const denied = errno === "EACCES" || errno === "EROFS"
  return new StorageError(denied ? "unreadable" : "io", `${path} cannot be written (${errno})`, {
    facts,
    hint: denied
      ? "Run it as a user who may write there, on a filesystem that is mounted writable."
      : "Look at the kernel log and at the health of the disk that is restored to.",
    cause,
  })
}
