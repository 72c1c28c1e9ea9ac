import { StorageError } from "../../errors.js"
import { STORE_FOLDER } from "../sentinel.js"

const MOST_NAME_BYTES = 255
/** Deeper than any repository lies, and than any engine nests its folders. */
export const MOST_LEVELS = 64

/**
 * The parts of a path below a store that somebody asked for. Throws StorageError `invalid` for one that could leave the store, that
 * a terminal or a log could not show, or that is in the store's own folder.
 */
export function safeParts(path: string): readonly string[] {
  const parts = path.split("/")
  if (parts.length > MOST_LEVELS) throw refused(path, "it has too many parts")
  for (const part of parts) {
    if (part === "" || part === "." || part === "..") throw refused(path, 'it holds "", "." or ".."')
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(part)) throw refused(path, "it holds a control character")
    if (Buffer.byteLength(part) > MOST_NAME_BYTES)
      throw refused(path, `a name has more than ${MOST_NAME_BYTES} bytes`)
  }
  if (parts[0] === STORE_FOLDER) throw refused(path, "that folder is Cistern's own")
  return parts
}

function refused(path: string, why: string): StorageError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
  return new StorageError("invalid", `${shown} is no directory below a store: ${why}`, {
    hint: "Write the path relative to the store, such as restic/media/radarr.",
  })
}

/** A name as it is on the disk, one character for each byte: names need not be text. */
export function nameOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1")
}

/** The bytes of a name that `nameOfBytes` made. */
export function bytesOfName(name: string): Buffer {
  return Buffer.from(name, "latin1")
}

/** For people: what is not UTF-8 shows as a replacement character. */
export function shownName(name: string): string {
  return bytesOfName(name).toString("utf8")
}
