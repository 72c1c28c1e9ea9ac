import type { StorageErrorCode } from "../../storage/index.js"

/** What a command's exit code says (design §4). */
export const exitCodes = {
  ok: 0,
  /** Something is wrong with the data: findings, damage, not found. */
  wrong: 1,
  usage: 2,
  /** It could not be told: `unknown`, unreadable, no password, no daemon. */
  unclear: 3,
  /** A guard refused: something must be acknowledged first. */
  refused: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** For --help. */
export const exitCodeTable = `Exit codes:
  0  all well
  1  something is wrong with the data: findings, damage, not found
  2  wrong use
  3  it could not be told: unknown, unreadable, no password, no daemon
  4  refused by a guard`

const { wrong, usage, unclear, refused } = exitCodes

/** A new code without an exit code does not compile. */
export const exitCodeOfStorage: Record<StorageErrorCode, ExitCode> = {
  missing: wrong,
  empty: wrong,
  not_a_repository: wrong,
  two_repositories: wrong,
  unreadable: unclear,
  io: unclear,
  timeout: unclear,
  password_missing: unclear,
  wrong_password: unclear,
  corrupt: wrong,
  unsupported: unclear,
  upgrading: unclear,
  unstable: unclear,
  index_lost: wrong,
  no_space: unclear,
  occupied: refused,
  invalid: usage,
}

/** For what the daemon answered with an error. */
export function exitCodeOfStatus(status: number): ExitCode {
  if (status === 400) return usage
  if (status === 404 || status === 416 || status === 422) return wrong
  return status === 409 ? refused : unclear
}
