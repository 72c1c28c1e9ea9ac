import { StorageError } from "../../errors.js"

/** What limits a directory's tree. "own": a limit that only Cistern knows, and that nothing enforces. */
export type QuotaKind =
  | "btrfs-qgroup"
  | "xfs-project"
  | "ext4-project"
  | "zfs-dataset"
  | "truenas-dataset"
  | "dsm-share"
  | "own"
  | "none"

/** A figure, or why there is none. What is not known is never 0. */
export type Measured = number | { readonly unknown: string }

/** Where a tree ends: bytes or files, no end, or why that is not known. */
export type Limit = number | "none" | { readonly unknown: string }

/** What limits a directory's tree at this moment, and how much of that is used. */
export interface Quota {
  readonly kind: QuotaKind
  /** The directory that the figures are about: the one that was asked for, or the subvolume or dataset around it. */
  readonly tree: string
  /** Whether the filesystem holds writers to it. */
  readonly enforced: boolean
  readonly limitBytes: Limit
  readonly usedBytes: Measured
  readonly limitFiles: Limit
  readonly usedFiles: Measured
  /** How it was measured: a file of the kernel's, a system call or a program. */
  readonly source: string
  /** What somebody who relies on it has to know. Sentences. */
  readonly notices: readonly string[]
  /** Why the limit may not hold, or the figures be wrong, although it is set. Also among the notices. */
  readonly doubt?: string | undefined
}

/** A limit to be set. "none" lifts it. */
export interface QuotaLimit {
  readonly bytes: number | "none"
  /** Files and folders together. btrfs and ZFS limit no files. */
  readonly files: number | "none"
}

/** The same, or one that leaves what is said of files as it is. */
export interface WantedLimit {
  readonly bytes: number | "none"
  readonly files: number | "none" | "keep"
}

/** A smaller limit is a mistake of units, and 0 means "none" to some programs and "nothing" to others. */
export const SMALLEST_BYTES = 1024 * 1024
/** 4 PiB: a larger one is a mistake of units, too, and no whole number is exact for ever. */
export const LARGEST_BYTES = 4 * 1024 ** 5
const SMALLEST_FILES = 100
const KIBIBYTE = 1024

/** Throws StorageError `invalid` for a limit that no filesystem should be given. */
export function checkLimit({ bytes, files }: WantedLimit): void {
  requireAtLeast(bytes, SMALLEST_BYTES, "bytes")
  if (files !== "keep") requireAtLeast(files, SMALLEST_FILES, "files")
}

function requireAtLeast(value: number | "none", smallest: number, unit: string): void {
  if (value === "none" || (Number.isSafeInteger(value) && value >= smallest && value <= LARGEST_BYTES)) return
  throw new StorageError("invalid", `a limit of ${value} ${unit} cannot be set`, {
    facts: { value, unit },
    hint: `Give a whole number of ${unit}, at least ${smallest} and at most ${LARGEST_BYTES}, or "none".`,
  })
}

/** The whole KiB that programs are given, rounded down: never more than what was asked for. */
export function kibibytesOf(bytes: number | "none"): number {
  return bytes === "none" ? 0 : Math.floor(bytes / KIBIBYTE)
}

export function bytesOfKibibytes(kibibytes: number): number {
  return kibibytes * KIBIBYTE
}

/** What is wanted may be rounded down to KiB by the way. */
export function isLimitedTo(quota: Quota, limit: QuotaLimit): boolean {
  const bytes = limit.bytes === "none" ? "none" : bytesOfKibibytes(kibibytesOf(limit.bytes))
  return (quota.limitBytes === limit.bytes || quota.limitBytes === bytes) && quota.limitFiles === limit.files
}

/** The sentence of a figure, for messages. */
export function shownLimit(value: Limit | Measured, unit: string): string {
  if (typeof value === "object") return `an unknown number of ${unit} (${value.unknown})`
  return value === "none" ? `no limit of ${unit}` : `${value} ${unit}`
}
