import type { ErrorRequestHandler } from "express"
import { StorageError, type StorageErrorCode } from "../../storage/errors.js"
import type { ErrorJson } from "./contract/admin.js"

/** A failure that has its own status and is neither of storage nor a bug: a wrong request, a refusal. */
export class HttpError extends Error {
  override readonly name = "HttpError"
  readonly status: number
  readonly code: string
  readonly hint: string | null
  readonly problems: ErrorJson["problems"]

  constructor(
    status: number,
    code: string,
    message: string,
    options: { hint?: string; problems?: NonNullable<ErrorJson["problems"]>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.code = code
    this.hint = options.hint ?? null
    this.problems = options.problems
  }
}

// 404 nothing there, 422 the data is wrong, 503 it could not be told. A new code without a status does not compile.
const statusOf: Record<StorageErrorCode, number> = {
  missing: 404,
  empty: 404,
  not_a_repository: 422,
  two_repositories: 422,
  unreadable: 503,
  io: 503,
  timeout: 503,
  password_missing: 503,
  wrong_password: 503,
  corrupt: 422,
  unsupported: 503,
  upgrading: 503,
  unstable: 503,
  index_lost: 422,
  no_space: 507,
  occupied: 409,
  invalid: 400,
}

const INTERNAL: ErrorJson = {
  code: "internal",
  message: "Internal error. The daemon's log has the details.",
  hint: null,
}

export interface ErrorLog {
  error(fields: object, message: string): void
}

/** The status and body that an error becomes; undefined for a bug, which is nobody's business but the log's. */
export function errorResponse(error: unknown): { status: number; body: ErrorJson } | undefined {
  if (error instanceof StorageError) {
    const { code, message, hint } = error
    return { status: statusOf[code], body: { code, message, hint: hint ?? null } }
  }
  if (error instanceof HttpError) {
    const { status, code, message, hint, problems } = error
    return { status, body: { code, message, hint, ...(problems === undefined ? {} : { problems }) } }
  }
  if (isClientError(error)) {
    return { status: error.status, body: { code: "bad_request", message: error.message, hint: null } }
  }
  return undefined
}

/** The only place where an error of a route becomes a response. */
export function errorHandler(log: ErrorLog): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const known = errorResponse(error)
    if (known === undefined) {
      log.error({ err: error, method: request.method, path: request.path }, "request failed")
    }
    response.status(known?.status ?? 500).json(known?.body ?? INTERNAL)
  }
}

/** Express and its body parsers mark what the client did wrong with a 4xx status and mean the message to be shown. */
function isClientError(error: unknown): error is Error & { status: number } {
  return (
    error instanceof Error &&
    "status" in error &&
    typeof error.status === "number" &&
    error.status >= 400 &&
    error.status < 500
  )
}
