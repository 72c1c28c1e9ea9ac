import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { errnoOf } from "../../storage/errno.js"
import { Secret } from "../../storage/secret.js"
import { SecretError } from "./errors.js"

export interface ReadSecret {
  readonly secret: Secret
  /** What is wrong with how it is kept, for the doctor. */
  readonly warning: string | undefined
}

const LARGEST = 65_536

/**
 * A secret in a file. As restic does with its password files, a byte order mark and all white space around the text are
 * dropped, so that the newline an editor adds does not count. Throws SecretError naming the file.
 */
export function readSecretFile(path: string): ReadSecret {
  const { bytes, mode } = readSmall(path)
  const text = trimmed(decoded(bytes, path))
  if (text === "")
    throw new SecretError("empty", `the secret file ${path} is empty`, "Write the secret into it.")
  const open = (mode & 0o004) !== 0
  return {
    secret: new Secret(text),
    warning: open ? `the secret file ${path} can be read by everybody on this machine` : undefined,
  }
}

/** A secret in a variable, exactly as it is. Throws SecretError naming the variable. */
export function readSecretVariable(name: string, env: Readonly<Record<string, string | undefined>>): Secret {
  const value = env[name]
  if (value === undefined) {
    throw new SecretError(
      "missing",
      `the variable ${name} is not set`,
      "Set it for the daemon and start it again.",
    )
  }
  if (value === "") throw new SecretError("empty", `the variable ${name} is empty`, "Set it to the secret.")
  return new Secret(value)
}

/**
 * The secret in the variable NAME, or in the file that NAME_FILE names; undefined where neither is set. An empty variable
 * counts as not set. Throws SecretError when both are set, or the file cannot be used.
 */
export function readSecretSetting(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): ReadSecret | undefined {
  const value = env[name] ?? ""
  const file = env[`${name}_FILE`] ?? ""
  if (value !== "" && file !== "") {
    throw new SecretError("unreadable", `${name} and ${name}_FILE are both set`, "Unset one of them.")
  }
  if (file !== "") return readSecretFile(file)
  return value === "" ? undefined : { secret: new Secret(value), warning: undefined }
}

function readSmall(path: string): { bytes: Uint8Array; mode: number } {
  const refuse = (what: string) =>
    new SecretError(
      "unreadable",
      `the secret file ${path} ${what}`,
      "Give the path of a file with the secret in it.",
    )
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    if (errno === "ENOENT" || errno === "ENOTDIR") {
      throw new SecretError(
        "missing",
        `the secret file ${path} is not there`,
        "Check its path and that it is mounted.",
      )
    }
    throw new SecretError(
      "unreadable",
      `the secret file ${path} cannot be read (${errno})`,
      "Let the daemon's user read it.",
    )
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw refuse("is not a regular file")
    const bytes = Buffer.alloc(LARGEST + 1)
    const length = readSync(descriptor, bytes, 0, bytes.length, 0)
    if (length > LARGEST) throw refuse(`is larger than ${LARGEST} bytes`)
    return { bytes: bytes.subarray(0, length), mode: stats.mode }
  } finally {
    closeSync(descriptor)
  }
}

function decoded(bytes: Uint8Array, path: string): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString("hex")
  const encoding = mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : "utf-8"
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new SecretError("unreadable", `the secret file ${path} is not text`, "Save it as UTF-8.")
  }
}

/** White space as Go's strings.TrimSpace has it; JavaScript's trim() knows another set. */
function trimmed(text: string): string {
  return text.replace(/^\p{White_Space}+/u, "").replace(/\p{White_Space}+$/u, "")
}
