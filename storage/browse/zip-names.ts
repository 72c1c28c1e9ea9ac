import { isUtf8 } from "node:buffer"

/** Longer paths have no place in a zip file. */
export const LONGEST_ZIP_PATH = 0xffff

/**
 * A path as a zip file can hold it: UTF-8, without what is a path of its own on other systems. Bytes that are no UTF-8, backslashes and
 * the colon of "C:" become `%` and their number in hex, and so does a `%` that looks like the beginning of such a number: no two paths
 * become one.
 */
export function zipPath(path: Uint8Array): { readonly path: string; readonly isRenamed: boolean } {
  const isText = isUtf8(path)
  const text = isText ? Buffer.from(path).toString() : withNumbers(path)
  const safe = (isText ? escapedPercent(text) : text).replaceAll("\\", "%5C").replace(/^([a-zA-Z]):/, "$1%3A")
  return { path: safe, isRenamed: !isText || safe !== text }
}

function escapedPercent(text: string): string {
  return text.replace(/%(?=[0-9a-f]{2})/gi, "%25")
}

/** Characters that are whole stay, other bytes are numbers. */
function withNumbers(bytes: Uint8Array): string {
  let text = ""
  let whole = ""
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find(
      (count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)),
    )
    if (length === undefined) {
      text += `${escapedPercent(whole)}%${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0")}`
      whole = ""
    } else whole += Buffer.from(bytes.subarray(at, at + length)).toString()
    at += length ?? 1
  }
  return text + escapedPercent(whole)
}
