import { isJsonObject } from "../../bytes/index.js"
import { StorageError, type StorageErrorCode } from "../../errors.js"

/** The error of a reply (reference nas-platforms.md §2.4), without its `trace`, which is nobody's business. */
export interface RpcError {
  readonly code: number
  /** Undefined for failures of the protocol itself. */
  readonly errname: string | undefined
  readonly reason: string | undefined
  /** What a validation found, one entry for each field. */
  readonly fields: readonly { readonly attribute: string; readonly message: string; readonly errno: number }[]
}

/** JSON-RPC's own, and TrueNAS' for too many calls at once. */
const INVALID_PARAMS = -32602
const METHOD_NOT_FOUND = -32601
const TOO_MANY_CALLS = -32000
const ENOENT = 2
/** Of what TrueNAS says, so much is kept. */
const MOST_CHARACTERS = 400

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOENT: "missing",
  EEXIST: "invalid",
  EINVAL: "invalid",
  ENOTEMPTY: "invalid",
  EACCES: "unreadable",
  EPERM: "unreadable",
  ENOTAUTHENTICATED: "unreadable",
  EBUSY: "unstable",
  ENOMETHOD: "unsupported",
  ENOTSUP: "unsupported",
  EOPNOTSUPP: "unsupported",
  ETIMEDOUT: "timeout",
}

const HINTS: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  unreadable: "Give the privilege of the API key's user the roles that docs/exports.md names.",
  unstable: "Try again later.",
  unsupported: "Update TrueNAS, or Cistern.",
}

/** Reads the `error` of a reply; fields of another shape than TrueNAS' are left out. */
export function parseRpcError(value: unknown): RpcError {
  const error = isJsonObject(value) ? value : {}
  const data = isJsonObject(error["data"]) ? error["data"] : {}
  return {
    code: typeof error["code"] === "number" ? error["code"] : 0,
    errname: textOf(data["errname"]),
    reason: textOf(data["reason"]),
    fields: error["code"] === INVALID_PARAMS ? fieldsOf(data["extra"]) : [],
  }
}

/** Whether the session is over and a new login may help. */
export function isSignedOut({ errname }: RpcError): boolean {
  return errname === "ENOTAUTHENTICATED"
}

/**
 * Only the fields of one arm of a union: TrueNAS complains for each of them (reference nas-platforms.md §2.4), and the others are about
 * another kind of thing. All fields, where none is of that arm.
 */
export function onlyArm(error: RpcError, arm: string): RpcError {
  const fields = error.fields.filter(({ attribute }) => attribute.split(".").includes(arm))
  return fields.length === 0 ? error : { ...error, fields }
}

/** What the administrator can do about it: decided by numbers and names, never by sentences. */
export function toStorageError(method: string, error: RpcError): StorageError {
  const code = codeOf(error)
  const facts = { method, code: error.code, errname: error.errname ?? "none" }
  const hint = error.code === METHOD_NOT_FOUND ? "Update TrueNAS to 25.04 or newer." : HINTS[code]
  return new StorageError(code, `TrueNAS refused ${method}: ${sentenceOf(error)}`, {
    facts,
    ...(hint !== undefined && { hint }),
  })
}

function codeOf({ code, errname, fields }: RpcError): StorageErrorCode {
  if (code === METHOD_NOT_FOUND) return "unsupported"
  if (code === TOO_MANY_CALLS) return "unstable"
  // A thing that is not there is told as a field that is wrong, under the name EINVAL.
  if (code === INVALID_PARAMS && fields.length > 0 && fields.every(({ errno }) => errno === ENOENT))
    return "missing"
  return (errname === undefined ? undefined : CODES[errname]) ?? "io"
}

function sentenceOf({ code, errname, reason, fields }: RpcError): string {
  const said =
    fields.length > 0
      ? fields
          .map(({ attribute, message }) => (attribute === "" ? message : `${attribute}: ${message}`))
          .join("; ")
      : (reason ?? `error ${code}`)
  const text = said
    .replace(/^\[[A-Z]+\]\s*/, "")
    .replace(/\s+/g, " ")
    .trim()
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
  return errname === undefined ? shown : `${shown} (${errname})`
}

function fieldsOf(extra: unknown): RpcError["fields"] {
  if (!Array.isArray(extra)) return []
  return extra.flatMap((one: unknown) => {
    if (!Array.isArray(one)) return []
    const [attribute, message, errno] = one as unknown[]
    if (typeof message !== "string") return []
    return [{ attribute: textOf(attribute) ?? "", message, errno: typeof errno === "number" ? errno : 0 }]
  })
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}
